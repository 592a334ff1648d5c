"""`lavaprune reproduce` from the grids to the files: small networks on the embedded digits, really run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.cli import main
from lavaprune.cli.reproduce import parse_seeds
from lavaprune.configuration import read_preset
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.own_runs import STRETCHES, development, kept
from lavaprune.reproduce.reproduction import reproduce

SMALL: dict[str, Any] = {
    **read_preset("digits"),
    "neurons": 12,
    "steps": 60,
    "train_images": 240,
    "test_images": 60,
    "label_images": 60,
}
VALUES: dict[str, Any] = {
    "labels": {"constant": "constant", "post": "post", "aptn": "APTN"},
    "mnist-100": {
        "seeds": [1, 2],
        "set": {"label_images": 60, "pruning": {"start": 120, "batch": 40}},
        "curves": {
            "constant": {"threshold": [0.05, 0.2], "at_10_percent": 0.2},
            "post": {"threshold": [0.1]},
            "aptn": {"factor_neurons": 1.05, "spike_interval": 20, "threshold": [0.05, 0.1], "at_10_percent": 0.1},
        },
    },
    "fig15": {"batches": [40]},
}


def small_grids() -> Grids:
    return Grids(VALUES, base={"mnist-100": SMALL})


def test_from_grids_to_files_and_again(tmp_path: Path) -> None:
    ids = ["fig2", "fig3", "fig5", "fig9", "fig10", "table2", "table5"]
    first = reproduce(ids, tmp_path, grids=small_grids(), workers=1)
    assert list(first["results"]) == ids
    for name in ids:
        for ending in ("png", "csv", "md"):
            assert (tmp_path / f"{name}.{ending}").stat().st_size > 0
        assert all(line.rpartition(": ")[0] for line in first["results"][name]["lines"])
    assert first["runs"] == 12  # 5 configurations and the unpruned network, two seeds each
    # arrays drawn are those of the sweep's runs, which another engine's code path made
    lines = first["results"]["fig10"]["lines"]
    assert len(lines) == 2
    assert all(line.endswith(": agree") for line in lines)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "arrays").iterdir()}
    results = (tmp_path / "results.parquet").stat().st_mtime_ns
    second = reproduce(ids, tmp_path, grids=small_grids(), workers=1)
    assert second == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "arrays").iterdir()} == before
    assert (tmp_path / "results.parquet").stat().st_mtime_ns == results


def test_stretches_add_up(tmp_path: Path) -> None:
    settings = small_grids().unpruned("mnist-100")[0]
    data = load_dataset("digits")
    course = development(settings, data)
    assert course["images"].tolist() == [20 * (k + 1) for k in range(STRETCHES)]
    assert course["counts"].shape == (STRETCHES, 12)
    assert course["counts"].min() >= 0
    assert course["counts"].sum() > 0
    made = kept(tmp_path, "x", settings, data, lambda: course)
    assert all(np.array_equal(made[name], course[name]) for name in course)
    (path,) = (tmp_path / "arrays").iterdir()
    path.write_bytes(b"damaged")
    again = kept(tmp_path, "x", settings, data, lambda: course)
    assert np.array_equal(again["counts"], course["counts"])


def test_seeds() -> None:
    assert parse_seeds("1,2, 3") == [1, 2, 3]
    for text in ("", "1,1", "-1", "a", "1.5"):
        with pytest.raises(InputError, match="--seeds is .*; allowed: different whole numbers"):
            parse_seeds(text)


def test_command_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "fig3", "table5", "--out", str(tmp_path / "r"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["results"]["table5"]["agree"] == 2
    assert (tmp_path / "r" / "README.md").exists()
    assert main(["reproduce", "table5", "--out", str(tmp_path / "r")]) == 0
    assert "NAND gates of the pruning unit: ours 8,284 (n = 1), paper 8,284: agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig99"], "id is 'fig99'"),
        (["table5", "--seeds", "x"], "--seeds is 'x'"),
        (["table5", "--out", "FILE"], "cannot be written"),
    ],
)
def test_wrong_command(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    given = [str(tmp_path / "file") if text == "FILE" else text for text in arguments]
    assert main(["reproduce", *given, *([] if "FILE" in arguments else ["--out", str(tmp_path / "o")])]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "o").exists()
