"""Counting inside a ProcessModel: what happens in the graph's OS processes, after Lava has built the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.energy.counts import COUNTER_NAMES
from lavaprune.meter.board import (
    ACTIVE,
    CONTROLLER,
    INACTIVE,
    NORMALISATION,
    OPS,
    SPIKES,
    STEPS,
    STORED_OPS,
    UPDATES,
    CounterBoard,
)
from lavaprune.meter.kinds import Neurons, OwnCounters, OwnNetwork, Synapses
from lavaprune.meter.learning import pending_updates
from lavaprune.meter.plan import EXTERNAL, ProcessPlan
from lavaprune.meter.taps import MessageTap, SendTap, SumTap

Row = npt.NDArray[np.int64]

FIELDS_OF_OWN_COUNTERS: dict[str, tuple[int, ...]] = {
    "input_accumulations": (OPS, STORED_OPS),
    "exc_inh_accumulations": (OPS, STORED_OPS),
    "lateral_accumulations": (OPS, STORED_OPS),
    "depression_updates": (UPDATES,),
    "potentiation_updates": (UPDATES,),
    "exc_spikes": (SPIKES,),
    "inh_spikes": (SPIKES,),
    "exc_updates_active": (ACTIVE,),
    "inh_updates_active": (ACTIVE,),
    "exc_updates_inactive": (INACTIVE,),
    "inh_updates_inactive": (INACTIVE,),
    "controller_operations": (CONTROLLER,),
    "normalisation_operations": (NORMALISATION,),
}
"""Where the counters of our own Processes go; the others are parts of these, or no events of a chip."""


def attach(model: Any, builder: Any, plan: ProcessPlan, board: CounterBoard) -> None:
    """Make a built model count.

    Parameters
    ----------
    model : PyLoihiProcessModel
        Just built; its ports and methods are wrapped, its state is only read.
    builder : PyProcessBuilder
        That built it; knows which channel comes from where.
    plan : ProcessPlan
    board : CounterBoard
    """
    taps = {}
    for port_name, rows in plan.rows_by_source.items():
        port = getattr(model, port_name)
        by_channel = _rows_by_channel(port, builder._csp_port_map.get(port_name, {}), rows)
        taps[port_name] = MessageTap(port, by_channel)
    if isinstance(plan.kind, Synapses):
        _attach_synapses(model, plan, board, taps["s_in"])
    elif isinstance(plan.kind, Neurons):
        _attach_neurons(model, plan, board, list(taps.values()))
    elif isinstance(plan.kind, OwnCounters):
        _attach_own(model, plan, board, list(taps.values()))
    elif isinstance(plan.kind, OwnNetwork):
        _attach_fused(model, plan, board)


def _attach_synapses(model: Any, plan: ProcessPlan, board: CounterBoard, tap: MessageTap) -> None:
    assert isinstance(plan.kind, Synapses)
    fan_out = plan.kind.fan_out()
    rows = sorted(set(plan.rows_by_source["s_in"].values()))

    def count() -> None:
        # After the step: the first one may still have rounded the weights, and no learning has followed.
        for index, arrived in tap.take():
            row = board.rows[index]
            ops, stored_ops = fan_out.count(model, arrived)
            row[SPIKES] += np.count_nonzero(arrived)
            row[OPS] += ops
            row[STORED_OPS] += stored_ops
        board.rows[rows, STEPS] += 1

    _after(model, "run_spk", count)
    if plan.kind.learns:
        # Updates are the Process's, not a source's: they stand in its first row.
        def count_updates() -> None:
            board.rows[rows[0], UPDATES] += pending_updates(model)

        _before(model, "run_lrn", count_updates)


def _attach_neurons(model: Any, plan: ProcessPlan, board: CounterBoard, direct: list[MessageTap]) -> None:
    kind = plan.kind
    assert isinstance(kind, Neurons)
    row = board.rows[plan.own_rows[0]]
    sums = [SumTap(getattr(model, name)) for name in kind.inputs]
    sent = SendTap(model.s_out)
    shape = model.s_out.shape
    run_spk = model.run_spk

    def counted() -> None:
        active = np.zeros(shape, bool)
        for name in (*kind.states, *kind.drives):
            active |= np.asarray(getattr(model, name)) != 0
        if kind.off_rest is not None:
            active |= kind.off_rest(model)
        run_spk()
        for tap in sums:
            active |= tap.take()
        n_active = np.count_nonzero(active)
        row[ACTIVE] += n_active
        row[INACTIVE] += active.size - n_active
        row[SPIKES] += sent.take()
        row[STEPS] += 1
        _count_direct(direct, board)

    model.run_spk = counted


def _count_direct(taps: list[MessageTap], board: CounterBoard) -> None:
    """Each message without a Process of synapses is one accumulation, as over a synapse to the partner."""
    for tap in taps:
        for index, arrived in tap.take():
            row = board.rows[index]
            n_spikes = np.count_nonzero(arrived)
            for field in (SPIKES, OPS, STORED_OPS):
                row[field] += n_spikes


def _attach_own(model: Any, plan: ProcessPlan, board: CounterBoard, taps: list[MessageTap]) -> None:
    assert isinstance(plan.kind, OwnCounters)
    is_synapses = plan.kind.is_synapses
    row = board.rows[plan.own_rows[0]]
    names = _counter_names(model)
    before = model.counters.sum(axis=0)

    def count() -> None:
        nonlocal before
        now = model.counters.sum(axis=0)
        _add_own(row, dict(zip(names, (now - before).tolist(), strict=True)))
        before = now
        row[STEPS] += 1
        if is_synapses:
            row[SPIKES] += sum(np.count_nonzero(arrived) for tap in taps for _, arrived in tap.take())
        else:
            _count_direct(taps, board)

    _after(model, "run_spk", count)


def _attach_fused(model: Any, plan: ProcessPlan, board: CounterBoard) -> None:
    to_exc, to_inh, lateral, exc, inh = (board.rows[row] for row in plan.own_rows)
    n_neurons = model.theta.size
    before = model.counters.sum(axis=0)

    def count() -> None:
        nonlocal before
        now = model.counters.sum(axis=0)
        counts = dict(zip(COUNTER_NAMES, (now - before).tolist(), strict=True))
        before = now
        # Without inhibitory neurons, excitatory spikes go to the others at once.
        is_direct = counts["inh_updates_active"] + counts["inh_updates_inactive"] == 0
        to_exc[SPIKES] += counts["input_spikes"]
        (lateral if is_direct else to_inh)[SPIKES] += counts["exc_spikes"]
        lateral[SPIKES] += counts["inh_spikes"]
        for row, part in (
            (to_exc, ("input_accumulations", "depression_updates", "potentiation_updates")),
            (to_exc, ("controller_operations", "normalisation_operations")),
            (to_inh, ("exc_inh_accumulations",)),
            (lateral, ("lateral_accumulations",)),
            (exc, ("exc_spikes", "exc_updates_active", "exc_updates_inactive")),
            (inh, ("inh_spikes", "inh_updates_active", "inh_updates_inactive")),
        ):
            _add_own(row, {name: counts[name] for name in part})
        # A Lava step presents whole samples; every neuron is updated once in each of their steps.
        exc[STEPS] += (counts["exc_updates_active"] + counts["exc_updates_inactive"]) // n_neurons

    _after(model, "run_spk", count)


def _add_own(row: Row, counts: dict[str, int]) -> None:
    for name, number in counts.items():
        for field in FIELDS_OF_OWN_COUNTERS.get(name, ()):
            row[field] += number


def _counter_names(model: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = model.implements_process.COUNTERS
    return names


def _rows_by_channel(port: Any, channels: dict[str, Any], rows: Any) -> dict[Any, int]:
    """Board row of each channel into a port: Lava's map knows all but those from outside the graph."""
    found = {channels[source]: row for source, row in rows.items() if source in channels}
    if EXTERNAL in rows:
        found |= {channel: rows[EXTERNAL] for channel in port.csp_ports if channel not in channels.values()}
    return found


def _after(model: Any, method: str, count: Callable[[], None]) -> None:
    run = getattr(model, method)

    def counted() -> None:
        run()
        count()

    setattr(model, method, counted)


def _before(model: Any, method: str, count: Callable[[], None]) -> None:
    run = getattr(model, method)

    def counted() -> None:
        count()
        run()

    setattr(model, method, counted)
