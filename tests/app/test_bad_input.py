"""What the command line refuses beyond `test_cli`: hostile folders, files and studies. No network is trained."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.checkpoint import Checkpoint
from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.datasets.dataset import Dataset
from lavaprune.energy.counts import N_COUNTERS
from lavaprune.errors import InputError
from lavaprune.files import writable_folder
from lavaprune.runs import RunFolder
from lavaprune.runtime.heartbeat import Heartbeat
from lavaprune.training.control import pruning_schedule, training_rows

Capture = pytest.CaptureFixture[str]
TOO_LONG = "a" * 300
DATA = bytes(32).hex()
FILES = {
    "train-images-idx3-ubyte": (6, 3, 2),
    "train-labels-idx1-ubyte": (6,),
    "t10k-images-idx3-ubyte": (4, 3, 2),
    "t10k-labels-idx1-ubyte": (4,),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LAVAPRUNE_DATA", "LAVAPRUNE_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def refused(capfd: Capture, *arguments: str) -> str:
    """Run a command that must exit 2 with one line on stderr, nothing on stdout and nothing left behind."""
    before = sorted(Path.cwd().rglob("*"))
    capfd.readouterr()
    code = main(arguments)
    out, err = capfd.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "unexpected" not in err
    assert sorted(Path.cwd().rglob("*")) == before
    return err


def idx(shape: tuple[int, ...], data: bytes | None = None) -> bytes:
    header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    return header + (bytes(int(np.prod(shape))) if data is None else data)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("train-images-idx3-ubyte", None, "no such file"),
        ("t10k-labels-idx1-ubyte", None, "no such file"),
        ("train-images-idx3-ubyte", b"", "file length is 0 bytes"),
        ("train-images-idx3-ubyte", idx((6, 3, 2))[:10], "header length is 10 bytes"),
        ("train-images-idx3-ubyte", idx((6, 3, 2))[:-1], "truncated"),
        ("train-images-idx3-ubyte", idx((2**32 - 1,) * 3, b"a"), "truncated"),
        ("t10k-labels-idx1-ubyte", idx((4,)) + b"x", "longer"),
        ("train-images-idx3-ubyte", b"\0\0\x09\3" + idx((6, 3, 2))[4:], "magic number is 0x00000903"),
        ("train-labels-idx1-ubyte", idx((6, 1, 1)), "magic number is 0x00000803"),
        ("train-labels-idx1-ubyte", idx((5,)), "number of labels is 5; allowed: 6"),
        ("t10k-labels-idx1-ubyte", idx((5,)), "number of labels is 5; allowed: 4"),
        ("t10k-images-idx3-ubyte", idx((4, 2, 3)), "images are 2x3 pixels; allowed: 3x2"),
        ("train-images-idx3-ubyte.gz", idx((6, 3, 2)), "not a valid gzip file"),
    ],
)
def test_idx_files_through_the_command_line(capfd: Capture, file: str, content: bytes | None, message: str) -> None:
    Path("d").mkdir()
    for name, shape in FILES.items():
        Path("d", name).write_bytes(idx(shape))
    if content is None:
        Path("d", file).unlink()
    else:
        Path("d", file).write_bytes(content)
    arguments = ("train", "--set", "dataset=idx", "--data-dir", "d", "--out", "r")
    assert message in refused(capfd, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--out", TOO_LONG),
        ("train", "--out", f"new/{TOO_LONG}"),
        ("train", "--resume", "--out", TOO_LONG),
        ("evaluate", TOO_LONG),
        ("energy", TOO_LONG),
        ("train", "--out", "/dev/null"),
        ("train", "--out", "/dev/null/r"),
        ("train", "--set", ".".join("a" * 3000) + "=1", "--out", "r"),
        ("search", "--trials", "1", "--out", "/dev/null"),
        ("search", "--trials", "1", "--out", f"new/{TOO_LONG}"),
        ("demo", "--out", "/dev/null"),
        ("demo", "--out", f"new/{TOO_LONG}"),
        ("train", "--data-dir", "nowhere", "--set", "dataset=mnist", "--out", "r"),
        ("bench", "--neurons", "70000"),
    ],
)
def test_folders_and_names(capfd: Capture, arguments: tuple[str, ...]) -> None:
    refused(capfd, *arguments)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(capfd: Capture) -> None:
    Path("locked").mkdir(mode=0o500)
    refused(capfd, "train", "--out", "locked/r")
    refused(capfd, "search", "--trials", "1", "--out", "locked/s")


def test_folder_that_fails_is_removed_and_one_that_was_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(RuntimeError), writable_folder(tmp_path / "old" / "new" / "deep"):
        raise RuntimeError
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


def test_config_that_cannot_be_written_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lavaprune.runs.write_text", full)
    with pytest.raises(InputError, match="No space left"):
        RunFolder.create(tmp_path / "new" / "run", build_settings(preset="digits"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"train_images": Infinity, "test_images": 1, "counts": {"training": {}, "inference": {}}}',
        '{"train_images": -5, "test_images": 1, "counts": {"training": {}, "inference": {}}}',
        '{"train_images": 1, "test_images": 1, "counts": {"training": 3}}',
    ],
)
def test_result_that_is_none(capfd: Capture, content: str) -> None:
    run = RunFolder.create(Path("r"), build_settings(preset="digits"))
    (run.path / "result.json").write_text(content)
    refused(capfd, "energy", "r")


def checkpoint_in(run: RunFolder) -> Path:
    shape = (64, run.settings.neurons)
    zeros: Callable[[tuple[int, ...], Any], Any] = np.zeros
    state = Checkpoint(
        next_sample=1,
        weights=zeros(shape, np.uint8),
        conducts=zeros(shape, np.uint8),
        plastic=zeros(shape, np.uint8),
        theta=zeros(shape[1:], np.int32),
        batch_spike_counts=zeros(shape[1:], np.int64),
        column_targets=zeros(shape[1:], np.int64),
        counters=zeros((2, N_COUNTERS), np.int64),
    )
    run.save_checkpoint(state, DATA)
    return run.path / "checkpoint.npz"


def test_no_damage_to_a_checkpoint_gets_past_the_reader(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "r", build_settings(preset="digits", assignments=["neurons=2"]))
    path = checkpoint_in(run)
    good = path.read_bytes()
    assert run.load_checkpoint(64, DATA).next_sample == 1
    # in the archive's and the arrays' headers: encrypted members, unknown compression, open brackets, ...
    damaged = [good[:length] for length in range(0, len(good), 29)]
    for start in (good.find(b"PK"), good.rfind(b"PK\x01\x02"), good.rfind(b"PK\x03\x04")):
        for offset in range(start, min(start + 190, len(good))):
            for value in (0, 255, good[offset] ^ 1):
                damaged.append(good[:offset] + bytes([value]) + good[offset + 1 :])
    for content in damaged:
        path.write_bytes(content)
        try:
            run.load_checkpoint(64, DATA)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_checkpoint_of_other_data(capfd: Capture) -> None:
    checkpoint_in(RunFolder.create(Path("r"), build_settings(preset="digits")))
    text = refused(capfd, "evaluate", "r")
    assert f"data have sha256 {DATA[:16]}... and those given" in text


@pytest.mark.parametrize("command", [("evaluate", "r"), ("train", "--resume", "--out", "r")])
def test_checkpoint_of_an_older_format(capfd: Capture, command: tuple[str, ...]) -> None:
    path = checkpoint_in(RunFolder.create(Path("r"), build_settings(preset="digits")))
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "column_targets"}
    np.savez(path, **{**arrays, "format": np.array(1)})
    assert "checkpoint format is 1; allowed: 2" in refused(capfd, *command)


def test_evaluate_without_a_checkpoint(capfd: Capture) -> None:
    RunFolder.create(Path("r"), build_settings(preset="digits"))
    assert "no such checkpoint" in refused(capfd, "evaluate", "r")


@pytest.mark.parametrize("journal", ["garbage\n", "{}\n", '{"op_code": 0, '])
def test_search_in_a_folder_with_another_journal(capfd: Capture, journal: str) -> None:
    Path("s").mkdir()
    Path("s/study.log").write_text(journal)
    assert "not the journal of a search" in refused(capfd, "search", "--trials", "1", "--out", "s")


@pytest.mark.parametrize("trials", ["{", '{"a": 3}', "[3]", '[{"values": {"network.gain_exc": "x"}}]', "[" * 100_000])
def test_search_from_something_else(capfd: Capture, trials: str) -> None:
    Path("o").mkdir()
    Path("o/trials.json").write_text(trials)
    text = refused(capfd, "search", "--trials", "1", "--out", "s", "--start", "o")
    assert "not the trials of a search" in text


def few_images(n_train: int) -> Dataset:
    train, test = np.zeros((n_train, 4), np.uint8), np.ones((3, 4), np.uint8)
    return Dataset("idx", train, np.zeros(n_train, np.uint8), test, np.zeros(3, np.uint8), (2, 2), 1)


def test_search_never_looks_at_test_images() -> None:
    from lavaprune.training.search import validation_split

    with pytest.raises(InputError, match="1 training image; allowed: from 2"):
        validation_split(few_images(1))
    for n_train in (2, 4, 5, 11):
        split = validation_split(few_images(n_train))
        assert not split.test_images.any()
        assert len(split.train_images) + len(split.test_images) == n_train


def test_study_continues_under_its_own_conditions_only(capfd: Capture) -> None:
    small = ("search", "--out", "s", "--train-images", "5", "--set", "steps=2", "--set", "passes=1", "--json")
    assert main([*small, "--trials", "1", "--set", "neurons=2"]) == 0
    assert main([*small, "--trials", "2", "--set", "neurons=2", "--set", "learning.mu_pre=2e-4"]) == 0
    assert [json.loads(line)["trials"] for line in capfd.readouterr().out.splitlines()] == [1, 2]
    text = refused(capfd, *small, "--trials", "3", "--set", "neurons=3")
    assert "study s: neurons is 2 there and 3 here" in text


def test_pruning_events_of_control_rows_are_the_schedules() -> None:
    chosen = ["pruning.method=aptn", "pruning.start=7", "pruning.batch=3"]
    settings = build_settings(preset="digits", assignments=chosen)
    rows = training_rows(settings, 0, 20, 20)
    schedule = pruning_schedule(settings, 20)
    codes = [schedule.control_code(n) or (-1 if (n - 7) % 3 == 0 else 0) for n in range(1, 21)]
    found = rows[:, _column_of_events()]
    assert [code if code > 0 else 0 for code in found] == [max(code, 0) for code in codes]
    assert (found != 0).tolist() == [code != 0 for code in codes]


def _column_of_events() -> int:
    from lavaprune.processes.control import PRUNE_EVENT

    return PRUNE_EVENT


def test_an_unreadable_stderr_does_not_change_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "w")
    monkeypatch.setattr(sys, "stderr", full)
    assert main(["evaluate", "none"]) == 2
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_heartbeat_is_never_read_half_written() -> None:
    clock = Heartbeat()
    child = os.fork()
    if child == 0:
        while os.getppid() != 1:
            clock.beat()
        os._exit(0)
    try:
        end = time.monotonic() + 0.5
        oldest = max(iter(lambda: clock.age_s() if time.monotonic() < end else -1.0, -1.0))
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert oldest < 30  # half-written it would be the time since the machine started
