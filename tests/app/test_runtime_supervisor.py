"""Supervised jobs end, say why, and leave nothing behind, whatever dies."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from lavaprune.errors import InputError, RunError
from lavaprune.runtime.shared_memory import FOLDER, remove_segments, segment_prefix
from lavaprune.runtime.supervisor import supervise

# Lava looks for ProcessModels in the module of a Process by that module's name, so it must be importable.
_TOYS = Path(__file__).parent / "toys"
sys.path.append(str(_TOYS))

import process_table as table  # noqa: E402
import runtime_toys as toys  # noqa: E402

_LIMIT_S = 10.0


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with table.nothing_left(_LIMIT_S):
        yield


def test_returns_the_result_of_another_process():
    result = supervise(toys.run_graph)
    assert result["steps"] == 5
    assert result["pid"] != os.getpid()
    assert result["array"].sum() == 499_500


@pytest.mark.parametrize(
    ("mishap", "message"),
    [
        ("raise", r"Process Toy 'toy' raised ValueError: broken on purpose"),
        ("kill", r"Process Toy 'toy' was killed by SIGKILL"),
        ("exit", r"Process Toy 'toy' ended with exit status 7"),
        ("unpicklable", r"Process Toy 'toy' ended with exit status 1"),
        ("build", r"Process Toy 'toy' raised ValueError: cannot be built"),
    ],
)
def test_names_the_process_model_that_fails(mishap, message):
    with pytest.raises(RunError, match=f"^{message}$"):
        supervise(toys.run_graph, mishap)


def test_leaves_no_folder_behind(tmp_path):
    with pytest.raises(RunError):
        supervise(toys.run_graph, "kill")
    supervise(toys.run_graph)
    assert not list(tmp_path.glob("lavaprune-*"))


def test_keeps_the_traceback_of_the_process_model():
    with pytest.raises(RunError) as caught:
        supervise(toys.run_graph, mishap="raise")
    assert "run_spk" in str(caught.value.__cause__)


def test_a_hang_is_a_failure():
    began = time.monotonic()
    with pytest.raises(RunError, match="no progress for 2 s"):
        supervise(toys.run_graph, "sleep", hang_timeout_s=2.0)
    assert time.monotonic() - began < 2.0 + _LIMIT_S


def test_slow_work_is_not_a_hang():
    assert supervise(toys.slow_but_alive, hang_timeout_s=3.0) == "done"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("actor", "Process (Sink|Toy 'toy') was killed by SIGKILL"),
        ("service", "Lava's runtime service was killed by SIGKILL"),
        ("memory", "Lava's shared-memory manager was killed by SIGKILL"),
        ("job", "the run's process was killed by SIGKILL without a result"),
    ],
)
def test_notices_a_killed_process(part, message):
    with pytest.raises(RunError, match=f"^{message}$"):
        supervise(toys.kill_part, part)


def test_input_errors_travel_as_themselves():
    with pytest.raises(InputError, match="neurons=0, allowed: 1 to 6400") as caught:
        supervise(toys.wrong_input)
    assert caught.value.exit_code == 2


def test_other_errors_become_one_line():
    with pytest.raises(RunError, match="^the run raised KeyError: 'neurons'$") as caught:
        supervise(toys.bug)
    assert "in bug" in str(caught.value.__cause__)


def test_a_result_that_cannot_be_sent_is_an_error():
    with pytest.raises(RunError, match="^the run's result cannot be handed over"):
        supervise(toys.unpicklable_result)


def test_a_graph_left_running_is_ended():
    assert supervise(toys.forget_stop) == "done"


def test_several_jobs_at_once_do_not_disturb_each_other():
    results = []
    threads = [threading.Thread(target=lambda: results.append(supervise(toys.run_graph))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["steps"] for result in results] == [5, 5]


def test_removes_only_the_shared_memory_of_dead_runs():
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    stale = FOLDER / (segment_prefix(int(gone.stdout)) + "stale")
    in_use = FOLDER / (segment_prefix(os.getppid()) + "in-use")
    stale.touch()
    in_use.touch()
    try:
        supervise(toys.run_graph)
        assert not stale.exists()
        assert in_use.exists()
    finally:
        remove_segments(os.getppid())


def _start_supervisor(tmp_path, job="work_for_ever") -> tuple[subprocess.Popen, int]:
    """A Python of its own that supervises an endless job; returns it and the job's process group."""
    started = tmp_path / "started"
    script = tmp_path / "supervisor_script.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(_TOYS)!r})\n"
        "import runtime_toys\n"
        "from lavaprune.errors import RunError\n"
        "from lavaprune.runtime.supervisor import supervise\n"
        "try:\n"
        f"    supervise(runtime_toys.{job}, {str(started)!r})\n"
        "except RunError as error:\n"
        "    print(error, file=sys.stderr)\n"
        "    sys.exit(error.exit_code)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert table.wait_until(lambda: started.exists() or supervisor.poll() is not None, 120), "did not start"
    assert supervisor.poll() is None, supervisor.communicate()
    return supervisor, int(started.read_text())


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_the_supervisor_ends_the_job(tmp_path, signal_number):
    supervisor, group = _start_supervisor(tmp_path)
    assert not table.is_gone(group)
    supervisor.send_signal(signal_number)
    out, err = supervisor.communicate(timeout=_LIMIT_S)
    assert table.wait_until(lambda: table.is_gone(group), _LIMIT_S)
    assert supervisor.returncode == -signal_number
    assert (out, err) == ("", "")


def test_the_death_of_supervisor_and_job_together_leaves_nothing(tmp_path):
    supervisor, group = _start_supervisor(tmp_path)
    os.kill(group, signal.SIGSTOP)  # cannot look after itself
    supervisor.kill()
    supervisor.wait(_LIMIT_S)
    os.kill(group, signal.SIGKILL)
    out, err = supervisor.communicate(timeout=_LIMIT_S)
    assert table.wait_until(lambda: table.is_gone(group), _LIMIT_S)
    assert (out, err) == ("", "")


def test_ctrl_c_ends_the_job(tmp_path):
    supervisor, group = _start_supervisor(tmp_path)
    supervisor.send_signal(signal.SIGINT)
    out, err = supervisor.communicate(timeout=_LIMIT_S)
    assert supervisor.returncode == 130
    assert table.is_gone(group)
    assert (out, err) == ("", "")


def test_a_killed_actor_is_one_line_for_the_user(tmp_path):
    supervisor, group = _start_supervisor(tmp_path)
    actors = {pid for pid in table.descendants(supervisor.pid) if pid != group and table.processes()[pid][0] == group}
    trackers = {p for p in actors if b"resource_tracker" in Path(f"/proc/{p}/cmdline").read_bytes()}
    os.kill(max(actors - trackers), signal.SIGKILL)
    out, err = supervisor.communicate(timeout=_LIMIT_S)
    assert supervisor.returncode == 1
    assert table.is_gone(group)
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("was killed by SIGKILL\n")
