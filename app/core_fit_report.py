"""How a network fits on a chip, as JSON and as tables for people."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from lavaprune.deep.run_folder import is_deep_run
from lavaprune.energy.chip import Chip, load_chip
from lavaprune.energy.core_fit import CoreFit, fit_network, saved_share
from lavaprune.energy.errors import EnergyError
from lavaprune.energy.feature_support import AS_IT_IS, feature_findings, limit_findings
from lavaprune.energy.network_description import NetworkDescription
from lavaprune.energy.winner_take_all_network import winner_take_all_network
from lavaprune.errors import InputError
from lavaprune.run_network import read_run_network
from lavaprune.runs import RunFolder

_WIDTH = 120


def fit_of_run(
    path: Path,
    chip_name: str,
    *,
    lateral: str | None = None,
    only_input: bool = False,
    pooling: str | None = None,
) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune fit RUN``: exact counts from the synapses in its checkpoint.

    Raises
    ------
    InputError
        If the folder is no run or has no good checkpoint, for an unknown chip, or what is asked for is of the other
        kind of network: lateral inhibition, or pooling.
    """
    if is_deep_run(path):
        from lavaprune.deep.core_fit import fit_of_deep_run

        if lateral is not None or only_input:
            name = "--only" if only_input else "--lateral"
            raise InputError(f"run folder {path}: is of lavaprune deep; {name} is of runs of lavaprune train")
        return fit_of_deep_run(path, chip_name, pooling or "shared")
    if pooling is not None:
        raise InputError(f"run folder {path}: has no pooling; --pooling is of runs of lavaprune deep")
    lateral = lateral or "separate"
    run = RunFolder.open(path)
    found = read_run_network(run)
    n_inputs, n_neurons = found.conducts.shape
    asked = {
        "run": str(path),
        "inputs": n_inputs,
        "neurons": n_neurons,
        "neurons_left_out": int(n_neurons - found.kept.sum()),
        "connectivity": found.connectivity,
        "inhibition": found.inhibition,
    }

    def describe(pruned: bool, kind: str) -> NetworkDescription:
        return found.describe(pruned=pruned, lateral=kind, only_input=only_input)

    return _fit(describe, chip_name, asked, lateral, only_input)


def fit_of_size(
    n_inputs: int,
    n_neurons: int,
    connectivity: float,
    chip_name: str,
    *,
    lateral: str = "separate",
    only_input: bool = False,
) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune fit`` for a network that is not trained yet.

    Raises
    ------
    InputError
        If a size or the connectivity is out of range, or for an unknown chip.
    """
    asked = {
        "inputs": n_inputs,
        "neurons": n_neurons,
        "neurons_left_out": 0,
        "connectivity": connectivity,
        "inhibition": "interneurons",
    }

    def describe(pruned: bool, kind: str) -> NetworkDescription:
        share = connectivity if pruned else 1.0
        return winner_take_all_network(n_inputs, n_neurons, connectivity=share, lateral=kind, only_input=only_input)

    return _fit(describe, chip_name, asked, lateral, only_input)


def _fit(
    describe: Callable[[bool, str], NetworkDescription],
    chip_name: str,
    asked: Mapping[str, Any],
    lateral: str,
    only_input: bool,
) -> dict[str, Any]:
    """The report of the network that `describe` gives, pruned or not, for a kind of lateral inhibition."""
    try:
        chip = load_chip(chip_name)
        asked = {**asked, "lateral": lateral, "only": "input" if only_input else None}
        report = fit_report(describe(True, lateral), describe(False, lateral), chip, asked)
        shared = None if only_input else fit_network(describe(True, "shared"), chip).cores
    except EnergyError as error:
        raise InputError(str(error)) from None
    return {**report, "cores_with_shared_lateral": shared}


def fit_report(
    network: NetworkDescription, unpruned: NetworkDescription, chip: Chip, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune fit``.

    Parameters
    ----------
    network, unpruned : NetworkDescription
        As it is, and with all synapses; the first connection of both is that from the inputs.
    chip : Chip
    asked : mapping
        What the network is, for the reader.

    Returns
    -------
    dict
        See docs/core_fit.md.
    """
    fit, before = fit_network(network, chip), fit_network(unpruned, chip)
    findings = feature_findings(network, chip)
    memory = chip.count("memory_bits_per_core")
    return {
        "chip": chip.name,
        "network": dict(asked),
        "cores": fit.cores,
        "limiting_resource": fit.limiting_resource,
        "synaptic_memory_fraction": fit.connections()[0].memory_fraction,
        "placeable": not fit.exceeded,
        "exceeded": [asdict(each) for each in fit.exceeded],
        "chips": fit.chips,
        "chip_share": fit.chip_share,
        "cores_per_chip": chip.count("cores_per_chip"),
        "savings": _savings(before, fit),
        "per_core": [
            {
                "first_core": load.first_core,
                "cores": load.cores,
                "compartments": load.compartments,
                "input_axons": load.input_axons,
                "output_axons": load.output_axons,
                "dense_bits": _sum_or_none([part.dense_bits for part in load.connections.values()]),
                "sparse_bits": sum(part.sparse_bits for part in load.connections.values()),
                "synaptic_bits": load.synaptic_bits,
                "neuron_state_bits": load.neuron_state_bits,
                "learning_state_bits": load.learning_state_bits,
                "memory_fraction": load.memory_bits / memory,
            }
            for load in fit.loads
        ],
        "connections": [asdict(connection) for connection in fit.connections()],
        "unsupported": [
            *(each.to_dict() for each in limit_findings(fit)),
            *(each.to_dict() for each in findings if each.status not in AS_IT_IS),
        ],
        "microcode": [each.to_dict() for each in findings if each.status == "microcode"],
        "unpublished": list(chip.of_quality("unpublished")),
        "assumed": list(chip.of_quality("assumed")),
        "caveat": chip.caveat,
    }


def _savings(before: CoreFit, after: CoreFit) -> dict[str, Any]:
    input_before, input_after = before.connections()[0].bits, after.connections()[0].bits
    return {
        "cores_unpruned": before.cores,
        "cores_saved_share": saved_share(before.cores, after.cores),
        "synaptic_bits_unpruned": before.synaptic_bits,
        "synaptic_bits": after.synaptic_bits,
        "synaptic_bits_saved_share": saved_share(before.synaptic_bits, after.synaptic_bits),
        "input_bits_unpruned": input_before,
        "input_bits": input_after,
        "input_bits_saved_share": saved_share(input_before, input_after),
    }


def _sum_or_none(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def fit_text(report: Mapping[str, Any]) -> str:
    """Return the same for people."""
    console = Console(file=io.StringIO(), width=_WIDTH, highlight=False, markup=False, color_system=None)
    network = report["network"]
    parts = f"inhibition {network['inhibition']}, {network['lateral']}"
    if "pooling" in network:
        parts = f"pooling {network['pooling']}"
    elif network["only"]:
        parts = "input synapses only"
    console.print(
        f"{report['chip']}: {network['inputs']:,} inputs, {network['neurons']:,} neurons, "
        f"connectivity {network['connectivity']:.1%} ({parts})"
    )
    for line in _headlines(report):
        console.print(f"  {line}", soft_wrap=True)
    console.print(_core_table(report))
    console.print(_connection_table(report))
    console.print(_finding_table(report))
    if report["unpublished"]:
        console.print(f"Unpublished, and not checked: {', '.join(report['unpublished'])}.")
    if report["assumed"]:
        console.print(f"Assumed: {', '.join(report['assumed'])}.")
    console.print(report["caveat"])
    stream = console.file
    assert isinstance(stream, io.StringIO)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _headlines(report: Mapping[str, Any]) -> list[str]:
    savings, cores, chip_cores = report["savings"], report["cores"], report["cores_per_chip"]
    at_least = "" if report["placeable"] else "at least "
    lines = []
    if report["network"]["neurons_left_out"]:
        lines.append(f"neurons     {report['network']['neurons_left_out']:,} left out: they have no synapse")
    lines.append(f"cores       {at_least}{cores:,} (limited by {report['limiting_resource'].replace('_', ' ')})")
    if cores > chip_cores or report["chips"] > 1:
        excess = f"{cores - chip_cores:,} cores more than one chip has" if cores > chip_cores else "over one chip"
        times = f"{report['chip_share']:,.1f} times its cores"
        lines.append(f"chips       {at_least}{report['chips']:,}: {excess} ({times})")
    else:
        lines.append(f"chips       1: {report['chip_share']:.1%} of its {chip_cores} cores")
    lines.append(f"memory      {report['synaptic_memory_fraction']:.1%} of these cores' for the synapses from inputs")
    lines.append(
        f"pruning     {savings['cores_unpruned']:,} -> {cores:,} cores ({_less(savings['cores_saved_share'])}); "
        f"synapses {_kib(savings['synaptic_bits_unpruned'])} -> {_kib(savings['synaptic_bits'])} KiB "
        f"({_less(savings['synaptic_bits_saved_share'])}), those from inputs "
        f"{_kib(savings['input_bits_unpruned'])} -> {_kib(savings['input_bits'])} KiB "
        f"({_less(savings['input_bits_saved_share'])})"
    )
    if report.get("cores_with_separate_pooling") is not None and report["network"]["pooling"] != "separate":
        least = "" if report["placeable_with_separate_pooling"] else "at least "
        lines.append(f"pooling     {least}{report['cores_with_separate_pooling']:,} core(s) (--pooling separate)")
    if report["cores_with_shared_lateral"] is not None and report["network"]["lateral"] != "shared":
        lines.append(
            f"lateral     {report['cores_with_shared_lateral']:,} core(s) with shared axons (--lateral shared)"
        )
    if not report["placeable"]:
        lines.append("It cannot be laid out by splitting neurons over cores: see the first rows of the last table.")
    return lines


def _table(title: str) -> Table:
    return Table(title=f"\n{title}", title_justify="left", title_style="", box=box.MARKDOWN)


def _core_table(report: Mapping[str, Any]) -> Table:
    headings = ("core", "compartments", "input axons", "output axons", "dense", "sparse", "synapses", "state", "memory")
    table = _table("Per core (KiB: dense, sparse, the smaller of each connection; neuron and learning state)")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in report["per_core"]:
        first, last = row["first_core"], row["first_core"] + row["cores"] - 1
        table.add_row(
            f"{first}" if first == last else f"{first}-{last}",
            *(f"{row[name]:,}" for name in ("compartments", "input_axons", "output_axons")),
            *(_kib(row[name]) for name in ("dense_bits", "sparse_bits", "synaptic_bits")),
            _kib(row["neuron_state_bits"] + row["learning_state_bits"]),
            f"{row['memory_fraction']:.1%}",
        )
    return table


def _connection_table(report: Mapping[str, Any]) -> Table:
    table = _table("Per connection, all cores (KiB)")
    for heading in ("connection", "synapses", "dense", "sparse", "used"):
        table.add_column(heading, justify="left" if heading == "connection" else "right")
    for row in report["connections"]:
        bits = (_kib(row[name]) for name in ("dense_bits", "sparse_bits", "bits"))
        table.add_row(row["name"], f"{row['synapses']:,}", *bits)
    return table


def _finding_table(report: Mapping[str, Any]) -> Table:
    table = _table(f"What does not map onto {report['chip']} as it is")
    for heading in ("feature", "how", "why"):
        table.add_column(heading)
    for row in (*report["unsupported"], *report["microcode"]):
        how = {"no": "not at all", "embedded": "embedded processor"}.get(row["status"], row["status"])
        table.add_row(row["feature"].replace("_", " "), how, row["reason"])
    return table


def _less(share: float) -> str:
    return f"{-share:+.0%}" if share else "as before"


def _kib(bits: int | None) -> str:
    return "-" if bits is None else f"{bits / 8192:,.1f}"
