"""RUN folders and checkpoints: what goes in comes out, and nothing foreign or damaged does."""

from __future__ import annotations

import dataclasses
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lavaprune.checkpoint import Checkpoint, _content_digest, load_checkpoint, save_checkpoint
from lavaprune.configuration import build_settings
from lavaprune.energy.counts import N_COUNTERS
from lavaprune.errors import InputError
from lavaprune.files import temporary_name
from lavaprune.runs import RunFolder, default_folder, require_vacant

I, N = 6, 3  # noqa: E741
DATA = "ab" * 32
SETTINGS = build_settings(preset="none", assignments=[f"neurons={N}", "seed=4"])


def checkpoint(next_sample: int = 40) -> Checkpoint:
    rng = np.random.default_rng(7)
    return Checkpoint(
        next_sample=next_sample,
        weights=rng.integers(0, 256, (I, N)).astype(np.uint8),
        conducts=rng.integers(0, 2, (I, N)).astype(np.uint8),
        plastic=np.ones((I, N), np.uint8),
        theta=rng.integers(-(2**20), 2**20, N).astype(np.int32),
        batch_spike_counts=rng.integers(0, 2**40, N),
        column_targets=rng.integers(0, 2**24, N),
        counters=rng.integers(0, 2**60, (2, N_COUNTERS)),
        extras={"window": np.array([0.25, 0.5]), "spikes": np.arange(30).reshape(10, 3)},
    )


def assert_equal(a: Checkpoint, b: Checkpoint) -> None:
    for field in dataclasses.fields(Checkpoint):
        if field.name != "extras":
            left, right = np.asarray(getattr(a, field.name)), np.asarray(getattr(b, field.name))
            assert left.dtype == right.dtype
            assert np.array_equal(left, right), field.name
    assert a.extras.keys() == b.extras.keys()
    assert all(np.array_equal(a.extras[key], b.extras[key]) for key in a.extras)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", SETTINGS)


def load_error(run: RunFolder) -> str:
    with pytest.raises(InputError) as caught:
        run.load_checkpoint(I, DATA)
    text = str(caught.value)
    assert text.startswith(f"{run.path / 'checkpoint.npz'}: ")
    assert "\n" not in text
    return text


def test_create_and_open(run: RunFolder) -> None:
    again = RunFolder.open(run.path)
    assert again.settings == SETTINGS
    assert not again.has_checkpoint
    assert again.read_result() is None
    assert again.read_metrics() == []
    assert default_folder(SETTINGS) == Path("runs/digits-3-seed4")


def test_folder_that_holds_a_run_is_refused(run: RunFolder, tmp_path: Path) -> None:
    before = {p.name: p.read_bytes() for p in run.path.iterdir()}
    with pytest.raises(InputError, match="already holds a run"):
        RunFolder.create(run.path, build_settings(preset="none"))
    assert {p.name: p.read_bytes() for p in run.path.iterdir()} == before
    for name in ("config.toml", "metrics.jsonl", "checkpoint.npz", "result.json"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).touch()
        with pytest.raises(InputError, match=name):
            require_vacant(folder)


def test_folder_that_cannot_be_a_run(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match="is not a folder"):
        RunFolder.create(file, SETTINGS)
    with pytest.raises(InputError, match="cannot be written"):
        RunFolder.create(file / "below", SETTINGS)
    RunFolder.create(tmp_path / "new" / "deep", SETTINGS)
    (tmp_path / "empty").mkdir()
    RunFolder.create(tmp_path / "empty", SETTINGS)


def test_open_refuses_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(InputError, match="not a run of lavaprune"):
        RunFolder.open(tmp_path)
    (tmp_path / "config.toml").write_text("neurons = 0\n")
    with pytest.raises(InputError, match="'neurons' is 0"):
        RunFolder.open(tmp_path)


def test_checkpoint_round_trip(run: RunFolder) -> None:
    run.save_checkpoint(checkpoint(40), DATA)
    run.save_checkpoint(checkpoint(80), DATA)
    assert_equal(RunFolder.open(run.path).load_checkpoint(I, DATA), checkpoint(80))
    assert sorted(p.name for p in run.path.iterdir()) == ["checkpoint.npz", "config.toml"]
    with np.load(run.path / "checkpoint.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("weights", np.zeros((I, N), np.int64), "weights is int64"),
        ("plastic", np.ones((N, I), np.uint8), "plastic is uint8 of shape"),
        ("theta", np.zeros(N), "theta is float64"),
        ("column_targets", np.zeros(N, np.int32), "column_targets is int32"),
        ("counters", np.zeros((2, 3), np.int64), "counters is int64 of shape"),
        ("next_sample", -1, "next_sample is -1"),
        ("extras", {"note": np.array(["a"])}, "extra_note"),
    ],
)
def test_wrong_state_is_not_saved(run: RunFolder, field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run.save_checkpoint(dataclasses.replace(checkpoint(), **{field: value}), DATA)
    assert not run.has_checkpoint


def test_missing_checkpoint(run: RunFolder) -> None:
    assert "no such checkpoint" in load_error(run)


def test_checkpoint_of_other_settings_data_or_size(run: RunFolder) -> None:
    path = run.path / "checkpoint.npz"
    save_checkpoint(path, checkpoint(), build_settings(preset="none").sha256(), DATA)
    assert "settings have sha256" in load_error(run)
    save_checkpoint(path, checkpoint(), SETTINGS.sha256(), "cd" * 32)
    assert "data have sha256 cdcd" in load_error(run)
    run.save_checkpoint(checkpoint(), DATA)
    with pytest.raises(InputError, match=r"weights is uint8 of shape \(6, 3\); allowed: uint8 of shape \(7, 3\)"):
        run.load_checkpoint(I + 1, DATA)
    load_checkpoint(path, I, N)  # neither settings nor data compared


def rewrite(path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    change(arrays)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a["weights"].__setitem__((0, 0), a["weights"][0, 0] ^ 1), "damaged"),
        (lambda a: a.pop("theta"), "damaged"),
        (lambda a: a.pop("content_sha256"), "damaged"),
        (lambda a: a.update(extra_more=np.zeros(1)), "damaged"),
        (lambda a: a.update(next_sample=np.array(41)), "damaged"),
        (lambda a: a.pop("format"), "no format version"),
        (lambda a: a.update(format=np.array(3)), "format is 3; allowed: 2"),
        (lambda a: a.pop("column_targets"), "damaged"),
        (lambda a: a.clear(), "no format version"),
    ],
)
def test_changed_checkpoint(run: RunFolder, change: Callable[[dict[str, np.ndarray]], None], message: str) -> None:
    run.save_checkpoint(checkpoint(), DATA)
    rewrite(run.path / "checkpoint.npz", change)
    assert message in load_error(run)


def test_checkpoint_of_before_there_were_column_targets(run: RunFolder) -> None:
    """Format 1 is refused by its number; format 2 without them by their name, though its SHA-256 is right."""
    run.save_checkpoint(checkpoint(), DATA)
    path = run.path / "checkpoint.npz"

    def leave_out(arrays: dict[str, np.ndarray]) -> None:
        for name in ("column_targets", "content_sha256"):
            arrays.pop(name, None)
        arrays["content_sha256"] = _content_digest(arrays)  # type: ignore[assignment]

    rewrite(path, leave_out)
    assert load_error(run).endswith("checkpoint's column_targets is missing")

    def older(arrays: dict[str, np.ndarray]) -> None:
        arrays["format"] = np.array(1)
        leave_out(arrays)

    rewrite(path, older)
    assert load_error(run).endswith("checkpoint format is 1; allowed: 2")


def test_what_is_no_checkpoint(run: RunFolder, tmp_path: Path) -> None:
    path = run.path / "checkpoint.npz"
    np.save(tmp_path / "a.npy", np.zeros(3))
    np.savez(tmp_path / "objects.npz", format=np.array([{}], dtype=object))
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("format.npy", "text")
    for content in (
        b"",
        b"PK",
        b"PK\x03\x04" + b"\0" * 100,
        pickle.dumps({"weights": 1}),
        (tmp_path / "a.npy").read_bytes(),
        (tmp_path / "objects.npz").read_bytes(),
        (tmp_path / "text.zip").read_bytes(),
    ):
        path.write_bytes(content)
        assert "checkpoint" in load_error(run)
    path.unlink()
    path.mkdir()
    assert "cannot be read" in load_error(run)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_noticed_or_harmless(run: RunFolder, data: st.DataObject) -> None:
    """Cut anywhere, or change any byte: one line, or (unused bytes of the archive) the same state."""
    run.save_checkpoint(checkpoint(), DATA)
    path = run.path / "checkpoint.npz"
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        assert_equal(run.load_checkpoint(I, DATA), checkpoint())
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_metrics_rewind(run: RunFolder) -> None:
    for sample in (10, 20, 30, 30, 40):
        run.append_metrics({"sample": sample, "accuracy": 0.5})
    path = run.path / "metrics.jsonl"
    with open(path, "a") as stream:
        stream.write('{"sample": 5')  # torn by a kill
    assert [line["sample"] for line in run.read_metrics()] == [10, 20, 30, 30, 40]
    run.rewind_metrics(30)
    run.append_metrics({"sample": 35})
    assert [json.loads(line)["sample"] for line in path.read_text().splitlines()] == [10, 20, 30, 30, 35]
    run.rewind_metrics(0)
    assert path.read_text() == ""


def test_metrics_refused(run: RunFolder) -> None:
    for line in ({}, {"sample": 1.5}, {"sample": 1, "x": float("nan")}):
        with pytest.raises(ValueError, match="sample|JSON"):
            run.append_metrics(line)
    assert run.read_metrics() == []
    run.rewind_metrics(5)  # nothing there: nothing to do


def test_result(run: RunFolder) -> None:
    run.write_result({"accuracy": 0.9})
    assert RunFolder.open(run.path).read_result() == {"accuracy": 0.9}
    for content in ("[1]", "{", "nonsense"):
        (run.path / "result.json").write_text(content)
        with pytest.raises(InputError, match="not a result"):
            run.read_result()


def test_clear_unfinished(run: RunFolder) -> None:
    litter = temporary_name(run.path / "checkpoint.npz")
    litter.write_bytes(b"half")
    RunFolder.open(run.path)
    assert litter.exists()  # opening changes nothing: another process may be writing
    run.clear_unfinished()
    assert sorted(p.name for p in run.path.iterdir()) == ["config.toml"]
