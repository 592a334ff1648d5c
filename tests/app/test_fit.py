"""``lavaprune fit``: its JSON, its tables, runs, and what it refuses; and the hops that ``energy`` gets from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.checkpoint import Checkpoint
from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.energy.chip import load_chip
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.counts import COUNTER_NAMES, N_COUNTERS
from lavaprune.energy.placement import route
from lavaprune.energy.winner_take_all_network import winner_take_all_network
from lavaprune.energy_report import events_of_run
from lavaprune.runs import RunFolder

Capture = pytest.CaptureFixture[str]
SIZES = ("--inputs", "784", "--neurons", "800", "--connectivity")
INPUTS, NEURONS = 30, 900


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAVAPRUNE_DEBUG", raising=False)


def blocks(synapses: int) -> list[int]:
    return [64] * (synapses // 64) + [synapses % 64] * (synapses % 64 > 0)


def fitted(capfd: Capture, *arguments: str) -> dict[str, Any]:
    assert main(["fit", *arguments, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert isinstance(found, dict)
    return found


def make_run(path: Path, mask: np.ndarray | None, inhibition: str = "interneurons") -> RunFolder:
    """A run with a checkpoint of this mask, or without one."""
    settings = build_settings(assignments=[f"neurons={NEURONS}", f"network.inhibition={inhibition}", "steps=10"])
    run = RunFolder.create(path, settings)
    if mask is not None:
        conducts = mask.astype(np.uint8)
        run.save_checkpoint(
            Checkpoint(
                next_sample=1,
                weights=conducts * 7,
                conducts=conducts,
                plastic=conducts,
                theta=np.zeros(NEURONS, np.int32),
                batch_spike_counts=np.zeros(NEURONS, np.int64),
                column_targets=np.zeros(NEURONS, np.int64),
                counters=np.zeros((2, N_COUNTERS), np.int64),
            ),
            "ab" * 32,
        )
    return run


MASK = np.random.default_rng(3).random((INPUTS, NEURONS)) < 0.3
MASK[0] = True  # nobody is without synapses
MASK[10:, 100:] = False  # most inputs reach neurons of the first core only


def test_json_of_sizes(capfd: Capture) -> None:
    found = fitted(capfd, *SIZES, "0.1", "--chip", "loihi1", "--only", "input")
    # tests/energy/test_core_fit.py derives these by hand
    assert found["cores"] == 2
    assert found["limiting_resource"] == "synaptic_memory"
    assert found["synaptic_memory_fraction"] == 784 * 704 / (16_384 * 64)
    assert (found["chips"], found["chip_share"], found["placeable"]) == (1, 2 / 128, True)
    assert found["savings"]["cores_unpruned"] == 6
    assert found["savings"]["cores_saved_share"] == pytest.approx(4 / 6)
    assert found["savings"]["input_bits"] == 2 * 784 * 704
    assert found["savings"]["input_bits_unpruned"] == 6 * 784 * (2 * 576 + 64)
    (row,) = found["per_core"]
    assert (row["first_core"], row["cores"], row["compartments"], row["input_axons"]) == (0, 2, 400, 784)
    assert row["synaptic_bits"] == row["sparse_bits"] == 784 * 704 < row["dense_bits"]
    assert [connection["name"] for connection in found["connections"]] == ["input->excitatory"]


def test_inhibition_counts(capfd: Capture) -> None:
    whole, shared = fitted(capfd, *SIZES, "1"), fitted(capfd, *SIZES, "1", "--lateral", "shared")
    assert (whole["cores"], shared["cores"]) == (12, 6)
    assert whole["cores_with_shared_lateral"] == 6
    assert whole["per_core"][0]["compartments"] == 2 * 67
    assert whole["savings"]["cores_saved_share"] == 0


def test_what_does_not_map(capfd: Capture) -> None:
    one, two = (fitted(capfd, *SIZES, "1", "--chip", chip) for chip in ("loihi1", "loihi2"))
    status = {row["feature"]: row["status"] for row in one["unsupported"]}
    assert status["per_neuron_thresholds"] == status["conductances"] == "no"
    assert status["fractional_weight_updates"] == status["triplet_traces"] == "approximated"
    assert status["weight_normalisation"] == status["pruning_controller"] == "embedded"
    assert all(row["reason"] and row["source"] and row["needed_by"] for row in one["unsupported"])
    assert not one["microcode"]
    assert {row["feature"] for row in two["microcode"]} == {"per_neuron_thresholds", "conductances"}
    assert "conductances" not in {row["feature"] for row in two["unsupported"]}
    assert two["unpublished"] == ["input_axons_per_core", "output_axons_per_core"]
    assert "synapses_per_block" in two["assumed"]


def test_too_large_for_a_chip_is_an_answer(capfd: Capture) -> None:
    found = fitted(capfd, "--inputs", "784", "--neurons", "30000", "--connectivity", "1", "--only", "input")
    assert (found["cores"], found["chips"], found["placeable"]) == (212, 2, True)
    assert main(["fit", "--inputs", "784", "--neurons", "30000", "--connectivity", "1", "--only", "input"]) == 0
    assert "2: 84 cores more than one chip has (1.7 times its cores)" in capfd.readouterr().out


def test_limits_that_no_layout_keeps(capfd: Capture) -> None:
    arguments = ("--inputs", "5000", "--neurons", "10", "--connectivity", "1", "--only", "input")
    found = fitted(capfd, *arguments)
    assert not found["placeable"]
    assert found["exceeded"] == [{"resource": "input_axons", "needed": 5000, "limit": 4096}]
    assert found["unsupported"][0]["feature"] == "input_axons"
    assert "needs 5,000 and has 4,096, 22% too many" in found["unsupported"][0]["reason"]
    assert main(["fit", *arguments]) == 0
    out = capfd.readouterr().out
    assert "at least 2 (limited by input axons)" in out
    assert "cannot be laid out" in out


def test_tables(capfd: Capture) -> None:
    assert main(["fit", *SIZES, "0.1"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("loihi1: 784 inputs, 800 neurons, connectivity 10.0% (inhibition interneurons, separate)")
    assert "cores       7 (limited by synaptic memory)" in out
    assert "12 -> 7 cores (-42%)" in out
    assert "2 core(s) with shared axons" in out
    assert "|  0-1 |          230 |       1,699 |          920 |" in out
    assert "nothing here has run on a chip" in out
    assert all(line == line.rstrip() for line in out.splitlines())
    out.encode("ascii")  # any terminal and log can show it


def test_run_gives_exact_counts(capfd: Capture) -> None:
    make_run(Path("r"), MASK)
    found = fitted(capfd, "r")
    assert found["network"]["inputs"] == INPUTS
    assert found["network"]["connectivity"] == MASK.mean()
    rows = {row["name"]: row for row in found["connections"]}
    assert rows["input->excitatory"]["synapses"] == MASK.sum()
    assert rows["lateral"]["synapses"] == NEURONS * (NEURONS - 1)
    again = fitted(capfd, "r", "--only", "input", "--chip", "loihi2")
    assert again["cores"] == 1
    # sparse, 900 compartments on the core: index of 10 bits
    expected = sum(-(-(n * 18 + 10) // 64) * 64 for row in MASK for n in blocks(int(row.sum())))
    assert again["savings"]["input_bits"] == expected
    assert main(["fit", "r"]) == 0
    assert f"30 inputs, 900 neurons, connectivity {MASK.mean():.1%}" in capfd.readouterr().out


def test_neurons_without_synapses_are_left_out(capfd: Capture) -> None:
    mask = MASK.copy()
    mask[:, 500:] = False
    alive = int(mask.any(axis=0).sum())
    make_run(Path("r"), mask)
    found = fitted(capfd, "r")
    assert found["network"]["neurons_left_out"] == NEURONS - alive >= 400
    assert sum(row["compartments"] * row["cores"] for row in found["per_core"]) == 2 * alive
    assert found["cores"] < found["savings"]["cores_unpruned"]
    assert main(["fit", "r"]) == 0
    assert f"{NEURONS - alive} left out" in capfd.readouterr().out


def test_a_run_without_any_synapse(capfd: Capture) -> None:
    make_run(Path("r"), np.zeros_like(MASK))
    found = fitted(capfd, "r")
    assert found["synaptic_memory_fraction"] == 0
    assert found["network"]["neurons_left_out"] == 0
    assert sum(row["compartments"] * row["cores"] for row in found["per_core"]) == 2 * NEURONS


def test_run_without_interneurons(capfd: Capture) -> None:
    make_run(Path("r"), MASK, inhibition="direct")
    found = fitted(capfd, "r")
    assert found["network"]["inhibition"] == "direct"
    assert [row["name"] for row in found["connections"]] == ["input->excitatory", "lateral"]
    assert sum(row["compartments"] * row["cores"] for row in found["per_core"]) == NEURONS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "fit lacks --inputs, --neurons, --connectivity; allowed: RUN, or --inputs, --neurons, --connectivity"),
        (("--inputs", "3", "--neurons", "3"), "fit lacks --connectivity"),
        (("r", "--neurons", "3"), "fit has RUN and --neurons; allowed"),
        ((*SIZES, "1.01"), "connectivity is 1.01; allowed: 0 .. 1"),
        ((*SIZES, "-0.1"), "connectivity is -0.1; allowed: 0 .. 1"),
        ((*SIZES, "nan"), "connectivity is nan; allowed: 0 .. 1"),
        ((*SIZES, "inf"), "connectivity is inf; allowed: 0 .. 1"),
        ((*SIZES, "much"), "'--connectivity': Input should be a valid number"),
        (("--inputs", "784", "--neurons", "0", "--connectivity", "1"), "neurons is 0; allowed: an integer 1"),
        (("--inputs", "-1", "--neurons", "5", "--connectivity", "1"), "inputs is -1; allowed: an integer 1"),
        (("--inputs", "1", "--neurons", "10000001", "--connectivity", "1"), "neurons is 10000001; allowed"),
        (("--inputs", "1.5", "--neurons", "5", "--connectivity", "1"), "'--inputs': "),
        ((*SIZES, "1", "--chip", "loihi3"), "chip 'loihi3' is unknown; known: loihi1, loihi2"),
        ((*SIZES, "1", "--chip", ""), "chip '' is unknown; known: loihi1, loihi2"),
        ((*SIZES, "1", "--only", "lateral"), "--only is 'lateral'; allowed: input"),
        ((*SIZES, "1", "--lateral", "none"), "lateral is 'none'; allowed: separate, shared"),
        (("none",), "none: no such folder"),
        (("r",), "no such checkpoint"),
    ],
)
def test_wrong_input_is_one_line(capfd: Capture, arguments: tuple[str, ...], message: str) -> None:
    make_run(Path("r"), None)
    before = sorted(Path.cwd().rglob("*"))
    assert main(["fit", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("lavaprune: error: ")
    assert message in err
    assert sorted(Path.cwd().rglob("*")) == before


def test_a_damaged_checkpoint(capfd: Capture) -> None:
    run = make_run(Path("r"), MASK)
    (run.path / "checkpoint.npz").write_bytes(b"PK damaged")
    assert main(["fit", "r"]) == 2
    assert "checkpoint is damaged" in capfd.readouterr().err


def test_energy_knows_messages_and_hops() -> None:
    run = make_run(Path("r"), MASK)
    spikes = {"input_spikes": 30_000, "exc_spikes": 900, "inh_spikes": 900}
    counts = {**dict.fromkeys(COUNTER_NAMES, 0), **spikes}
    run.write_result({"train_images": 1, "test_images": 1, "counts": {"training": counts, "inference": counts}})
    events = events_of_run(run.path)
    by_population = {"input": 30_000, "excitatory": 900, "inhibitory": 900}
    for phase, mask in (("training", None), ("inference", MASK)):
        network = winner_take_all_network(INPUTS, NEURONS, mask=mask)
        expected = route(fit_network(network, load_chip("loihi1")), by_population)
        found = events[phase].events
        assert expected.hops_ew > 0
        assert expected.to_dict() == {name: getattr(found, name) for name in expected.to_dict()}
    # what a spike of an input, an excitatory and an inhibitory neuron reaches: all cores that hold its synapses, the
    # partner's, and all cores (every core holds more than one neuron)
    cores = fit_network(winner_take_all_network(INPUTS, NEURONS), load_chip("loihi1")).cores
    assert events["training"].events.spikes_within_tile == 30_000 * cores + 900 + 900 * cores
    assert events["inference"].events.spikes_within_tile < events["training"].events.spikes_within_tile


def test_energy_of_a_run_without_a_checkpoint_has_no_hops() -> None:
    run = make_run(Path("r"), None)
    counts = {**dict.fromkeys(COUNTER_NAMES, 0), "input_spikes": 5, "exc_spikes": 2}
    run.write_result({"train_images": 1, "test_images": 1, "counts": {"training": counts, "inference": counts}})
    events = events_of_run(run.path)["training"].events
    assert (events.spikes_within_tile, events.hops_ew, events.hops_ns) == (7, 0, 0)
