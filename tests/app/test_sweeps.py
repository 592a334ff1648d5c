"""Sweeps: rows as `train` gives them, shared beginnings, results that stay, and a cluster whose workers die."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster

from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError, RunError
from lavaprune.pruning import registry
from lavaprune.pruning.threshold_methods import ConstantPruning
from lavaprune.settings import Settings
from lavaprune.sweeps import prefixes
from lavaprune.sweeps import sweep as sweep_module
from lavaprune.sweeps.plan import plan
from lavaprune.sweeps.results import RESULTS, load_results, open_results, rows_for
from lavaprune.sweeps.rows import SCHEMA, settings_json
from lavaprune.sweeps.single_run import row_of
from lavaprune.sweeps.sweep import run_sweep
from lavaprune.training.run import train

SMALL = (
    "passes=2", "steps=60", "train_images=150", "label_images=120", "test_images=60", "neurons=12", "pictures=false",
    "pruning.start=130", "pruning.batch=60", "pruning.threshold=0.04",
)  # fmt: skip
TIMES = [name for name in SCHEMA.names if name.startswith("seconds")]


def small(*changes: str) -> Settings:
    return build_settings(None, "digits", [*SMALL, *changes])


def without_times(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in TIMES}


def by_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(map(without_times, rows), key=lambda row: row["config_sha256"])


@pytest.mark.parametrize("changes", [("pruning.method=aptn",), ("pruning.method=post",), ("validation_images=70",)])
def test_row_equals_train(tmp_path: Path, changes: tuple[str, ...]) -> None:
    settings = small(*changes)
    result = train(settings, None, tmp_path / "run")
    for _ in range(2):  # once with the prefix to be made, once with it there
        row = row_of(settings, load_dataset("digits"), tmp_path)
        for name in ("accuracy", "connectivity", "nonzero_weights", "weights_sha256", "preset", "train_images"):
            assert row[name] == result[name]
        assert json.loads(row["counts_json"]) == result["counts"]
        assert row["training_sops_per_image"] == result["sops"]["training_per_image"]
        assert row["inference_sops_per_image"] == result["sops"]["inference_per_image"]
        assert row["training_controller"] == result["sops"]["training"]["controller"]
        assert row["inference_lateral"] == result["sops"]["inference"]["lateral"]
        if row["event_connectivity"]:
            assert row["event_connectivity"][-1] == row["connectivity"] < 1
        assert all(row[name] >= 0 for name in TIMES)
    assert len(list((tmp_path / "prefixes").iterdir())) == (1 if "aptn" in changes[0] else 2)


def test_events_and_images_of_a_row(tmp_path: Path) -> None:
    data = load_dataset("digits")
    row = row_of(small("pruning.method=apt"), data, tmp_path)
    assert row["event_images"] == [130, 190, 250]
    assert (row["images_before"], row["images_after"]) == (130, 170)
    assert row["event_connectivity"] == sorted(row["event_connectivity"], reverse=True)
    assert (row["factor_time"], row["factor_neurons"], row["spike_interval"]) == (1.3, None, None)
    row = row_of(small("pruning.method=none"), data, tmp_path)
    assert (row["event_images"], row["images_before"], row["images_after"]) == ([], 130, 170)
    late = row_of(small("pruning.method=apt", "pruning.start=301"), data, tmp_path)
    assert (late["event_images"], late["images_before"], late["images_after"]) == ([], 300, 0)
    assert late["weights_sha256"] == row["weights_sha256"]
    early = row_of(small("pruning.method=apt", "pruning.start=1", "pruning.batch=299"), data, tmp_path)
    assert early["event_images"] == [1, 300]


def test_columns_of_contrast_and_of_the_rules(tmp_path: Path) -> None:
    data = load_dataset("digits")
    contrast = ["pruning.method=contrast", "pruning.connectivity=0.2", "pruning.redundant=0.25"]
    row = row_of(small(*contrast), data, tmp_path)
    assert (row["method"], row["connectivity_target"], row["redundant"], row["rescale"]) == (
        "contrast", 0.2, 0.25, "drive",
    )  # fmt: skip
    assert [row[name] for name in ("threshold", "function", "factor_time", "spike_threshold")] == [None] * 4
    assert row["event_images"] == [130, 190, 250]
    assert 0.15 < row["connectivity"] <= 0.2
    other = row_of(small(*contrast, "pruning.rescale=none"), data, tmp_path)
    assert other["rescale"] == "none"
    assert other["weights_sha256"] != row["weights_sha256"]
    assert other["event_connectivity"][0] == row["event_connectivity"][0]
    for method, rule in (("post", "none"), ("none", None)):
        row = row_of(small(f"pruning.method={method}"), data, tmp_path)
        assert (row["rescale"], row["redundant"], row["connectivity_target"]) == (rule, None, None)


def test_shared_beginning_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pruned runs of a seed share 129 images, the unpruned one and post-training pruning share 299."""
    presented: list[tuple[int, int]] = []

    def counting(*args: Any, first: int, last: int, **more: Any) -> Any:
        presented.append((first, last))
        return original(*args, first=first, last=last, **more)

    original = prefixes.train_offline
    monkeypatch.setattr(prefixes, "train_offline", counting)
    data = load_dataset("digits")
    for changes in (
        ["pruning.method=apt"], ["pruning.method=aptn"], ["pruning.method=aptn", "pruning.threshold=0.1"],
        ["pruning.method=none"], ["pruning.method=none", "label_images=60"], ["pruning.method=apt"],
    ):  # fmt: skip
        row_of(small(*changes), data, tmp_path)
    assert presented == [(0, 129), (129, 299)]
    # Post-training pruning's batches are counted from the end, and differ here.
    row_of(small("pruning.method=post"), data, tmp_path)
    row_of(small("pruning.method=post", "pruning.threshold=0.1"), data, tmp_path)
    assert presented[2:] == [(0, 129), (129, 299)]


def test_plan_has_each_prefix_once_and_before_its_runs(tmp_path: Path) -> None:
    data = load_dataset("digits")
    methods = ("apt", "aptn", "none", "post")
    wanted = [
        (f"{seed} {method}", small(f"seed={seed}", f"pruning.method={method}", "pruning.start=120"), data, "00")
        for seed, method in itertools.product((1, 2), methods)
    ]
    ready, tasks = plan(wanted, tmp_path)
    assert [task.lengths for task in ready] == [(119,), (119,)]
    assert sorted(task.lengths for task in tasks if task.key is None) == [(119,), (119,), (119, 299), (119, 299)]
    assert sorted(run.key for task in ready for run in task.runs()) == sorted(key for key, *_ in wanted)
    direct = [task.key for task in ready[0].next]
    assert direct == ["1 apt", "1 aptn", None]
    assert [run.key for run in ready[0].next[2].next] == ["1 none", "1 post"]


def test_damaged_prefix_is_made_again(tmp_path: Path) -> None:
    settings, data = small("pruning.method=apt"), load_dataset("digits")
    row = row_of(settings, data, tmp_path)
    (path,) = (tmp_path / "prefixes").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    assert without_times(row_of(settings, data, tmp_path)) == without_times(row)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Two worker processes behind a scheduler with an address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", memory_limit=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, local_directory=str(tmp_path_factory.mktemp("dask")),
    ) as cluster:  # fmt: skip
        yield cluster


LONG = ("passes=12", "steps=100")  # about a second


def test_a_killed_worker_costs_nothing(tmp_path: Path, cluster: LocalCluster) -> None:
    """Every row is there once, with the values of a serial run; meanwhile nobody else can write there."""
    (tmp_path / "SWEEP.toml").write_text(
        f"""
        preset = "digits"
        seeds = [1, 2]
        [set]
        {os.linesep.join((*SMALL[2:], *LONG))}
        [[grid]]
        pruning.method = ["apt", "aptn", "constant", "none"]
        """
    )
    out = tmp_path / "out"
    command = ["sweep", tmp_path / "SWEEP.toml", "--out", out, "--scheduler", cluster.scheduler_address, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lavaprune", *map(str, command)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with Client(cluster, set_as_default=False) as client:
        pids = client.run(os.getpid)
        while not (out / RESULTS).exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        with pytest.raises(InputError, match="another sweep is writing to it"):
            run_sweep([small("seed=77")], out, progress=False)
        busy = [worker for worker, tasks in client.processing().items() if tasks]
        os.kill(pids[busy[0]], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["run_now"] == 8
    rows = load_results(out).to_pylist()
    data = load_dataset("digits")
    serial = [
        row_of(small(*LONG, f"seed={seed}", f"pruning.method={method}"), data, tmp_path)
        for seed, method in itertools.product((1, 2), ("apt", "aptn", "constant", "none"))
    ]
    assert by_key(rows) == by_key(serial)
    assert not list((out / "prefixes").glob(".*"))


def test_second_sweep_runs_only_what_is_new(tmp_path: Path, cluster: LocalCluster) -> None:
    first = [small(f"seed={seed}", "pruning.method=apt") for seed in (1, 2)]
    address = cluster.scheduler_address
    before = run_sweep(first, tmp_path, scheduler=address, progress=False)
    assert len(before) == 2
    more = [*first, small("seed=1", "pruning.method=aptn"), first[0]]
    after = run_sweep(more, tmp_path, scheduler=address, progress=False)
    assert after.slice(0, 2) == before
    assert len(after) == 3
    rows = rows_for(after, reversed(more))
    assert [(row["seed"], row["method"]) for row in rows] == [(1, "apt"), (1, "aptn"), (2, "apt"), (1, "apt")]
    changed = (tmp_path / RESULTS).stat().st_mtime_ns
    assert run_sweep(more, tmp_path, scheduler="tcp://127.0.0.1:1", progress=False) == after  # asks nobody
    assert (tmp_path / RESULTS).stat().st_mtime_ns == changed
    with pytest.raises(InputError, match="1 of 1 configurations have no row"):
        rows_for(after, [small("seed=9")])


def test_failed_run_is_one_line_and_the_others_go_on(
    tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(registry._METHODS, "only-here", ConstantPruning)  # workers do not know it
    monkeypatch.setattr(sweep_module._LOG.parent, "propagate", True)
    settings = [small("pruning.method=only-here"), small("pruning.method=apt")]
    with pytest.raises(RunError, match="1 of 2 runs failed; the first: digits N=12 seed=. only-here .*method") as error:
        run_sweep(settings, tmp_path, scheduler=cluster.scheduler_address, progress=False)
    assert "\n" not in str(error.value)
    assert [row["method"] for row in load_results(tmp_path).to_pylist()] == ["apt"]
    ours = [record for record in caplog.records if record.name == sweep_module._LOG.name]  # Dask logs when it likes
    assert [record.getMessage().split(":")[0] for record in ours] == ["sweep"]


def session_processes(session: int) -> list[int]:
    """Processes of a session, but for those that have ended and nobody has asked after."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_interrupted_sweep_keeps_its_results_and_leaves_no_process(tmp_path: Path) -> None:
    lines = os.linesep.join(setting for setting in (*SMALL[1:], "passes=40") if "train_images" not in setting)
    (tmp_path / "SWEEP.toml").write_text(
        f"preset = 'digits'\nseeds = [1, 2, 3, 4, 5, 6]\n[set]\n{lines}\n[[grid]]\npruning.method = 'apt'\n"
        "train_images = [140, 150]\n"
    )
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "lavaprune", "sweep", tmp_path / "SWEEP.toml", "--out", out, "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not (out / RESULTS).exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    assert len(session_processes(process.pid)) >= 3
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert stderr.splitlines()[-1] == "lavaprune: error: interrupted"
    assert len(stderr.splitlines()) == 1
    deadline = time.monotonic() + 10
    while session_processes(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session_processes(process.pid) == []
    rows = load_results(out).to_pylist()
    assert 0 < len(rows) == len({row["config_sha256"] for row in rows})


def write_results(folder: Path, table: pa.Table) -> None:
    pq.write_table(table, folder / RESULTS)


def one_row(**values: Any) -> pa.Table:
    settings = small("pruning.method=apt")
    row = dict.fromkeys(SCHEMA.names) | {
        "config_sha256": sweep_module.config_sha256(settings), "settings_json": settings_json(settings),
        "data_sha256": "00", "accuracy": 0.5,
    } | values  # fmt: skip
    return pa.Table.from_pylist([row], SCHEMA)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b""), "not a Parquet file"),
        (lambda path: path.write_bytes(b"PAR1" + bytes(100) + b"PAR1"), "not a Parquet file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "not a Parquet file"),
        (lambda path: write_results(path.parent, pa.table({"a": [1]})), "not the results of a sweep"),
        (lambda path: write_results(path.parent, one_row().replace_schema_metadata()), "not the results of a sweep"),
        (lambda path: write_results(path.parent, one_row().drop_columns("accuracy")), "no column 'accuracy'"),
        (lambda path: write_results(path.parent, one_row(data_sha256=None)), "'data_sha256' has 1 empty"),
        (lambda path: write_results(path.parent, one_row().append_column("x", pa.array([1]))), "column 'x' is unknown"),
        (lambda path: write_results(path.parent, pa.concat_tables([one_row()] * 2)), "has 2 rows"),
        (
            lambda path: write_results(
                path.parent, one_row().set_column(SCHEMA.names.index("seed"), "seed", pa.array(["x"]))
            ),
            "column 'seed' is string",
        ),
        (lambda path: write_results(path.parent, one_row()), "have sha256 00... there"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
        (lambda path: (path.unlink(), path.parent.rmdir(), path.parent.touch()), "cannot be read"),
    ],
)
def test_results_that_are_none_are_one_line(
    tmp_path: Path, spoil: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_results(out, one_row())
    spoil(out / RESULTS)
    (tmp_path / "SWEEP.toml").write_text(
        f"preset = 'digits'\n[set]\n{os.linesep.join(SMALL)}\n[[grid]]\npruning.method = 'apt'"
    )
    assert main(["sweep", str(tmp_path / "SWEEP.toml"), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert words in error
    assert str(out) in error


def test_rows_from_before_a_setting_existed_keep_their_place(tmp_path: Path) -> None:
    settings = small("pruning.method=apt")
    older = json.loads(settings_json(settings))
    del older["pruning"]["strategy"]
    table = one_row(config_sha256="another", settings_json=json.dumps(older))
    write_results(tmp_path, table.drop_columns("plastic_share"))
    (row,) = rows_for(load_results(tmp_path), [settings])
    assert (row["accuracy"], row["plastic_share"]) == (0.5, None)


def test_results_can_be_written_by_one_only(tmp_path: Path) -> None:
    with open_results(tmp_path), pytest.raises(InputError, match="one at a time"), open_results(tmp_path):
        pass
    with open_results(tmp_path) as results:
        results.append(one_row().to_pylist())
    assert len(load_results(tmp_path)) == 1


def test_nobody_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavaprune.sweeps.cluster.CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://"):
        with pytest.raises(InputError, match="--scheduler .* cannot be reached"):
            run_sweep([small()], tmp_path, scheduler=address, progress=False)


def test_configuration_that_does_not_fit_the_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'train_images' is 1501"):
        run_sweep([build_settings(None, "digits", ["train_images=1501"])], tmp_path / "out")
    assert not (tmp_path / "out").exists()
