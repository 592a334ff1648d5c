"""The command line's promises: exit codes, errors of one line, one JSON object on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lavaprune.cli.application as application
from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.energy.counts import COUNTER_NAMES
from lavaprune.energy.hardware_events import EVENT_KEYS
from lavaprune.errors import RunError
from lavaprune.runs import RunFolder

Capture = pytest.CaptureFixture[str]
BENCH_SIZES = (3, 4)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAVAPRUNE_DATA", raising=False)
    monkeypatch.delenv("LAVAPRUNE_DEBUG", raising=False)


class Recorder:
    """Stands for the training functions: records how they are called, returns or raises what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Callable[[], Any] = lambda: {"accuracy": 0.5}

    def function(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            return self.answer()

        return call


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    for module, names in {"run": ("train", "evaluate"), "demo": ("demo",), "bench": ("bench",)}.items():
        fake = types.ModuleType(f"lavaprune.training.{module}")
        for name in names:
            setattr(fake, name, recorder.function(name))
        if module == "bench":
            vars(fake)["SIZES"] = BENCH_SIZES
        monkeypatch.setitem(sys.modules, f"lavaprune.training.{module}", fake)
    return recorder


def refused(capfd: Capture, *arguments: str) -> str:
    """Run a command that must exit 2 with one line on stderr, nothing on stdout and nothing left behind."""
    before = sorted(Path.cwd().rglob("*"))
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("lavaprune: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert sorted(Path.cwd().rglob("*")) == before
    return err.removeprefix("lavaprune: error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing command"),
        (("traine",), "No such command"),
        (("train", "--nope"), "No such option"),
        (("train", "--set"), "requires an argument"),
        (("train", "a.toml", "b.toml"), "unexpected extra argument"),
        (("evaluate",), "Missing argument"),
        (("train", "none.toml"), "none.toml: no such configuration file"),
        (("train", "--preset", "mnist"), "preset is 'mnist'; allowed: mnist-100"),
        (("train", "--set", "neurons=0"), "'neurons' is 0; allowed: an integer 1 .. 65536"),
        (("train", "--set", "neurons"), "--set is 'neurons'"),
        (("train", "--set", "nope=1"), "'nope' is unknown"),
        (("train", "--resume"), "--resume needs --out RUN"),
        (("train", "--resume", "--out", "none"), "none: no such folder"),
        (("train", "--resume", "--out", "."), "not a run"),
        (("evaluate", "none"), "none: no such folder"),
        (("evaluate", "."), "not a run"),
        (("energy",), "exactly one"),
        (("energy", ".", "--counts", "x.json"), "exactly one"),
        (("energy", "."), "not a run"),
        (("energy", "--counts", "none.json"), "none.json: counts cannot be read"),
    ],
)
def test_wrong_input(capfd: Capture, training: Recorder, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(capfd, *arguments)
    assert not training.calls


def test_train_passes_settings_folder_and_options(capfd: Capture, training: Recorder) -> None:
    assert main(["train", "--preset", "digits", "--set", "neurons=7", "--set", "seed=3", "--json"]) == 0
    settings = build_settings(preset="digits", assignments=["neurons=7", "seed=3"])
    assert training.calls == [
        ("train", (settings, None, Path("runs/digits-7-seed3")), {"resume": False, "progress": True})
    ]
    assert json.loads(capfd.readouterr().out) == {"accuracy": 0.5}


def test_train_takes_config_data_folder_and_out(training: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("seed = 9\n")
    assert main(["train", "c.toml", "--data-dir", "d", "--out", "o"]) == 0
    assert training.calls[0][1] == (build_settings(Path("c.toml")), Path("d"), Path("o"))
    monkeypatch.setenv("LAVAPRUNE_DATA", "e")
    assert main(["train", "c.toml", "--out", "o"]) == 0
    assert training.calls[1][1][1] == Path("e")


def test_train_refuses_a_folder_that_holds_a_run(capfd: Capture, training: Recorder) -> None:
    RunFolder.create(Path("r"), build_settings(preset="digits"))
    assert "r: already holds a run" in refused(capfd, "train", "--out", "r")
    assert not training.calls


def test_resume_takes_the_runs_own_settings(capfd: Capture, training: Recorder) -> None:
    settings = build_settings(preset="digits", assignments=["neurons=7"])
    RunFolder.create(Path("r"), settings)
    assert main(["train", "--out", "r", "--resume"]) == 0
    assert main(["train", "--preset", "digits", "--set", "neurons=7", "--out", "r", "--resume"]) == 0
    assert training.calls == [("train", (settings, None, Path("r")), {"resume": True, "progress": True})] * 2
    capfd.readouterr()
    assert "setting 'neurons' is 7 there and 8 here" in refused(
        capfd, "train", "--preset", "digits", "--set", "neurons=8", "--out", "r", "--resume"
    )
    assert len(training.calls) == 2


def test_resume_of_the_default_folder(training: Recorder) -> None:
    settings = build_settings(preset="digits", assignments=["seed=5"])
    RunFolder.create(Path(f"runs/digits-{settings.neurons}-seed5"), settings)
    assert main(["train", "--set", "seed=5", "--resume"]) == 0
    assert training.calls[0][1][2] == Path(f"runs/digits-{settings.neurons}-seed5")


def test_evaluate_calls_and_prints(capfd: Capture, training: Recorder) -> None:
    RunFolder.create(Path("r"), build_settings(preset="digits"))
    arguments = ["evaluate", "r", "--data-dir", "d"]
    training.answer = lambda: {"accuracy": np.float64(0.5), "sops": {"training": np.int64(3)}, "rows": np.arange(2)}
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"accuracy": 0.5, "sops": {"training": 3}, "rows": [0, 1]}
    assert main(arguments) == 0
    assert "accuracy: 0.5\nsops.training: 3\n" in capfd.readouterr().out
    assert [call[:2] for call in training.calls] == [("evaluate", (Path("r"), Path("d")))] * 2


def test_demo_prints_the_table_and_where_the_picture_is(capfd: Capture, training: Recorder) -> None:
    Path("table.txt").write_text("component   pJ\n")
    training.answer = lambda: {"table": "table.txt", "picture": "demo.png", "accuracy": np.float64(0.5)}
    assert main(["demo", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"table": "table.txt", "picture": "demo.png", "accuracy": 0.5}
    assert main(["demo", "--out", "there"]) == 0
    assert capfd.readouterr().out.splitlines() == ["component   pJ", "", "picture: demo.png"]
    assert [call[1] for call in training.calls] == [(Path("lavaprune-demo"),), (Path("there"),)]


def test_bench_passes_sizes_and_numbers_of_images(capfd: Capture, training: Recorder) -> None:
    training.answer = lambda: {"rows": [{"ms": np.float64(0.5)}]}
    assert main(["bench", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"rows": [{"ms": 0.5}]}
    chosen = ["--neurons", "7", "--neurons", "9", "--images", "5", "--graph-images", "0", "--data-dir", "d"]
    assert main(["bench", *chosen]) == 0
    assert capfd.readouterr().out == ""  # the table goes to stderr
    assert [call[1] for call in training.calls] == [(None, BENCH_SIZES, 1024, 2), (Path("d"), [7, 9], 5, 0)]


def test_json_is_alone_on_stdout(capfd: Capture, training: Recorder) -> None:
    def chatty() -> dict[str, Any]:
        print("from Python")
        os.write(1, b"from C\n")
        subprocess.run(["echo", "from a child"], check=True)
        return {"accuracy": 1}

    training.answer = chatty
    assert main(["demo", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out) == {"accuracy": 1}
    assert {"from Python", "from C", "from a child"} <= set(err.splitlines())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RunError("process\nencoder died"), "process encoder died"),
        (ValueError("a\nb"), "ValueError: a b (unexpected; LAVAPRUNE_DEBUG=1 shows where)"),
        (KeyboardInterrupt(), "interrupted"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device (unexpected;"),
        (MemoryError(), "MemoryError: "),
    ],
)
def test_failed_run(capfd: Capture, training: Recorder, error: BaseException, line: str) -> None:
    def fail() -> None:
        raise error

    training.answer = fail
    assert main(["demo", "--json"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"lavaprune: error: {line}")
    assert err.count("\n") == 1


def test_nan_in_a_result_is_a_failure(capfd: Capture, training: Recorder) -> None:
    training.answer = lambda: {"accuracy": float("nan")}
    assert main(["demo", "--json"]) == 1
    assert capfd.readouterr().out == ""


def test_debug_variable_shows_where(capfd: Capture, training: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAVAPRUNE_DEBUG", "1")
    assert main(["train", "--set", "neurons=0"]) == 2
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("lavaprune: error: ")


def test_help_and_version(capfd: Capture) -> None:
    assert main(["--help"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    for command in ("demo", "train", "evaluate", "energy", "bench"):
        assert f"  {command} " in out
        assert main([command, "--help"]) == 0
        assert "Usage: lavaprune" in capfd.readouterr().out
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"lavaprune {application.importlib.metadata.version('lavaprune')}\n"


def test_help_imports_nothing_slow() -> None:
    slow = ["numba", "lava", "sklearn", "matplotlib", "numpy", "pydantic", "optuna"]
    script = (
        f"import sys; from lavaprune.cli import main; code = main(['--help']); "
        f"print([m for m in {slow!r} if m in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "[] 0\n"


def test_as_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lavaprune", "train", "--set", "steps=0"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_reader_that_leaves() -> None:
    """``lavaprune --help | head -0``: no traceback, no complaint at exit."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lavaprune", "energy", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) in (0, 1)


# energy

EVENTS = {key: 0 for key in EVENT_KEYS}


def test_energy_of_counts(capfd: Capture) -> None:
    Path("c.json").write_text(json.dumps({**EVENTS, "synaptic_ops": 1000, "synaptic_updates": 10}))
    assert main(["energy", "--counts", "c.json", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    phase = report["phases"]["counts"]
    # Davies et al. 2018: 23.6 pJ per synaptic operation, 120 pJ per update
    assert phase["total_pj"] == pytest.approx(1000 * 23.6 + 10 * 120)
    assert phase["components_pj"]["synaptic_ops"] == pytest.approx(23600)
    spread = report["range_pj"]["counts"]
    assert spread["low"] <= phase["total_pj"] <= spread["high"]
    assert main(["energy", "--counts", "c.json"]) == 0
    assert "24,800.0" in capfd.readouterr().out


def test_energy_of_a_run(capfd: Capture) -> None:
    settings = build_settings(preset="digits", assignments=["steps=10"])
    run = RunFolder.create(Path("r"), settings)
    counts = dict.fromkeys(COUNTER_NAMES, 0)
    result = {
        "train_images": 100,
        "test_images": 10,
        "counts": {
            "training": {**counts, "input_accumulations": 500, "lateral_accumulations": 500},
            "inference": {**counts, "input_accumulations": 50},
        },
    }
    assert "has not ended" in refused(capfd, "energy", "r")
    run.write_result(result)
    assert main(["energy", "r", "--json"]) == 0
    phases = json.loads(capfd.readouterr().out)["phases"]
    assert phases["training"]["pj_per_image"] == pytest.approx(1000 * 23.6 / 100)
    assert phases["inference"]["pj_per_image"] == pytest.approx(50 * 23.6 / 10)
    assert main(["energy", "r"]) == 0
    out = capfd.readouterr().out
    assert "training / image" in out
    assert "236.0" in out
    run.write_result({**result, "counts": {"training": {}}})
    assert "no usable counts of inference" in refused(capfd, "energy", "r")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "no JSON object"),
        ("{}", "no JSON object"),
        ('{"synaptic_ops": 3}', "missing steps"),
        (json.dumps({**EVENTS, "synaptic_ops": -1}), "synaptic_ops is -1"),
        (json.dumps({**EVENTS, "synaptic_ops": 1.5}), "synaptic_ops is 1.5"),
        (json.dumps({**EVENTS, "spikes": 1}), "unknown 'spikes'"),
        (json.dumps({"training": {**EVENTS, "spikes": 1}}), "unknown 'spikes'"),
    ],
)
def test_wrong_counts(capfd: Capture, content: str, message: str) -> None:
    Path("c.json").write_text(content)
    assert message in refused(capfd, "energy", "--counts", "c.json")


def test_wrong_hardware(capfd: Capture) -> None:
    Path("c.json").write_text(json.dumps(EVENTS))
    assert "'loihi9' is unknown" in refused(capfd, "energy", "--counts", "c.json", "--hardware", "loihi9")
