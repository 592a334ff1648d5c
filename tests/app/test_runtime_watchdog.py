"""A Lava graph in the user's own process ends in an error instead of waiting for ever."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from pathlib import Path

import pytest
from lava.magma.core.run_conditions import RunContinuous, RunSteps

from lavaprune.errors import RunError
from lavaprune.runtime import watchdog
from lavaprune.runtime.actors import ActorFailure
from lavaprune.runtime.actors import _problem as find_problem
from lavaprune.runtime.heartbeat import heartbeat
from lavaprune.runtime.watchdog import guarded, run_guarded

sys.path.append(str(Path(__file__).parent / "toys"))

import process_table as table
import runtime_toys as toys

_LIMIT_S = 10.0


@pytest.fixture(autouse=True)
def _nothing_left():
    with table.nothing_left(_LIMIT_S):
        yield


def test_reads_vars_before_the_stop():
    toy = toys.graph()
    steps = run_guarded(toy, RunSteps(num_steps=4), toys.CONFIG, read=lambda: toy.steps.get())
    assert steps.tolist() == [4]


@pytest.mark.parametrize(
    ("mishap", "message"),
    [
        ("raise", r"Process Toy 'toy' raised ValueError: broken on purpose"),
        ("kill", r"Process Toy 'toy' was killed by SIGKILL"),
        ("exit", r"Process Toy 'toy' ended with exit status 7"),
    ],
)
def test_names_the_process_model_that_fails(mishap, message):
    with pytest.raises(RunError, match=f"^{message}$"):
        run_guarded(toys.graph(mishap), RunSteps(num_steps=5), toys.CONFIG)


def test_a_model_that_cannot_be_built():
    with pytest.raises(RunError, match="^Process Toy 'toy' raised ValueError: cannot be built$"):
        run_guarded(toys.graph("build"), RunSteps(num_steps=5), toys.CONFIG)


def an_actor() -> types.SimpleNamespace:
    """What the watch asks an actor of Lava's: the ends of its exception pipe, and that it still lives."""
    ours, its = multiprocessing.Pipe()
    return types.SimpleNamespace(_exception=None, _popen=None, _pconn=ours, _cconn=its)


@pytest.mark.parametrize("sent", [None, (ValueError("broken on purpose"), "traceback")])
def test_a_message_that_lava_is_reading_is_no_failure(sent):
    """Lava's own join reads a header of four bytes and then the rest; the watch may look in between."""
    actor = an_actor()
    assert find_problem(actor) is None
    actor._cconn.send(sent)
    expected = None if sent is None else ("raised ValueError: broken on purpose", "traceback")
    assert find_problem(actor) == expected
    assert find_problem(actor) == expected  # nothing was consumed
    header = os.read(actor._pconn.fileno(), 4)
    assert len(header) == 4
    assert find_problem(actor) is None
    os.read(actor._pconn.fileno(), 1 << 20)
    assert find_problem(actor) is None


def test_a_hang_is_a_failure():
    with pytest.raises(RunError, match="no progress for 2 s"):
        run_guarded(toys.graph("sleep"), RunSteps(num_steps=5), toys.CONFIG, timeout_s=2.0)


def test_heartbeats_put_the_time_out_off():
    toy = toys.graph()
    with guarded(toy, timeout_s=3.0):
        for _ in range(8):
            toy.run(RunSteps(num_steps=1), toys.CONFIG)
            time.sleep(0.5)
            heartbeat()
        assert toy.steps.get().tolist() == [8]


@pytest.mark.parametrize("actor", [0, -1])
def test_notices_a_killed_process_while_waiting_for_something_else(actor):
    toy = toys.graph()

    def run():
        with guarded(toy):
            toy.run(RunContinuous(), toys.CONFIG)
            os.kill(toy.runtime._messaging_infrastructure.actors[actor].pid, signal.SIGKILL)
            threading.Event().wait()

    with pytest.raises(RunError, match="was killed by SIGKILL"):
        run()


def test_errors_of_the_user_stay_and_the_graph_ends():
    toy = toys.graph()

    def run():
        with guarded(toy):
            toy.run(RunSteps(num_steps=1), toys.CONFIG)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()


def test_ctrl_c_stays_ctrl_c():
    """The terminal, or a notebook, sends it to the actors too, which then end with an error."""
    toy = toys.graph()

    def run():
        with guarded(toy):
            toy.run(RunSteps(num_steps=1), toys.CONFIG)
            os.kill(toy.runtime._messaging_infrastructure.actors[0].pid, signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        run()


def test_the_watch_does_not_interrupt_the_search_for_a_cause(monkeypatch):
    """It may see a failure just while the main thread, which Lava's own error has reached, waits for the actor's."""
    is_searching = threading.Event()

    def search(runtimes):
        is_searching.set()
        time.sleep(0.3)  # several looks of the watch

    def find(runtime):
        return ActorFailure("Process Toy", "was lost") if is_searching.is_set() else None

    monkeypatch.setattr(watchdog, "await_failure", search)
    monkeypatch.setattr(watchdog, "find_failure", find)

    def run():
        toy = toys.graph()
        with guarded(toy):
            toy.run(RunSteps(num_steps=1), toys.CONFIG)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert is_searching.is_set()


def test_only_in_the_main_thread():
    caught = []

    def run():
        try:
            with guarded(toys.graph()):
                pass
        except RunError as error:
            caught.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert caught == ["guarded: a Lava graph can be guarded in the main thread only"]


def test_a_graph_works_after_one_that_failed():
    with pytest.raises(RunError):
        run_guarded(toys.graph("kill"), RunSteps(num_steps=5), toys.CONFIG)
    toy = toys.graph()
    assert run_guarded(toy, RunSteps(num_steps=5), toys.CONFIG, read=lambda: toy.steps.get()).tolist() == [5]
