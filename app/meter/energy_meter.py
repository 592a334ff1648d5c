"""The meter that a user attaches to a graph."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from lava.magma.core.process.process import AbstractProcess

from lavaprune.energy.estimator import EnergyEstimate
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.placement import Messages
from lavaprune.energy.profile import DEFAULT_PROFILE
from lavaprune.energy_report import pricing_of
from lavaprune.errors import InputError
from lavaprune.meter.attach import attach
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
from lavaprune.meter.counts import ConnectionCounts, MeterCounts, PopulationCounts
from lavaprune.meter.graph import connected_processes
from lavaprune.meter.hook import after_build, after_compile
from lavaprune.meter.kinds import STOCK, OwnCounters, OwnNetwork, Synapses, Unknown, kind_of
from lavaprune.meter.plan import MeterPlan
from lavaprune.meter.table import meter_table


class EnergyMeter:
    """Counts what a graph of Lava Processes does on the CPU, exactly, and prices it.

    Make it when the graph is connected and before it is compiled or run for the first time. Then run the graph as
    usual, under any RunConfig, as often as you like; the counts can be read between runs and after ``stop()``.

    Lava compiles the graph as it would without a meter: the same Processes, models and channels. Only when a model has
    been built, in its own OS process, the meter wraps the methods of its ports and its ``run_spk``, and reads. So
    the network computes the same, to the bit.

    Parameters
    ----------
    process : AbstractProcess
        Any Process of the graph.
    like : mapping of class to class, optional
        Classes of your own whose Processes are to be counted as one of Lava's, such as ``{MyLIF: LIF}``: your
        ProcessModel must keep the same ports and Vars under the same names.

    Raises
    ------
    InputError
        If `process` is no Process or is compiled already, if there are no synapses in its graph, or if `like` names a
        class that the meter cannot count.

    Examples
    --------
    >>> meter = EnergyMeter(lif)  # doctest: +SKIP
    >>> lif.run(condition=RunSteps(100), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))  # doctest: +SKIP
    >>> lif.stop()  # doctest: +SKIP
    >>> print(meter.table())  # doctest: +SKIP
    """

    def __init__(self, process: AbstractProcess, *, like: Mapping[type, type] | None = None) -> None:
        self._like = dict(like or {})
        for cls, model in self._like.items():
            if model not in STOCK:
                known = ", ".join(stock.__name__ for stock in STOCK)
                raise InputError(f"EnergyMeter: {cls.__name__} like {model.__name__}; allowed: {known}")
        if not isinstance(process, AbstractProcess):
            raise InputError(f"EnergyMeter: process is of {type(process).__name__}; allowed: a Lava Process")
        self._processes = connected_processes(process)
        compiled = [p.name for p in self._processes if p.is_compiled]
        if compiled:
            raise InputError(
                f"EnergyMeter: Process {compiled[0]!r} is compiled already; allowed: before the graph's first run"
            )
        kinds = [kind_of(p, self._like) for p in self._processes]
        if not any(isinstance(kind, Synapses | OwnCounters | OwnNetwork | Unknown) for kind in kinds):
            classes = ", ".join(sorted({type(p).__name__ for p in self._processes}))
            raise InputError(
                f"EnergyMeter: no synapses are connected with Process {process.name!r} (found: {classes}); "
                "allowed: a graph that is connected already"
            )
        self._plan: MeterPlan | None = None
        self._board = CounterBoard(0)
        after_compile(self._processes, self._instrument)

    def counts(self) -> MeterCounts:
        """Return what was counted since the meter was made or `reset`.

        While the graph runs without blocking, a step may be half counted.

        Raises
        ------
        InputError
            If the graph has not been compiled, or was without the meter.
        """
        plan = self._compiled_plan()
        rows = self._board.rows.copy()
        return MeterCounts(
            steps=int(rows[:, STEPS].max(initial=0)),
            connections=tuple(
                ConnectionCounts(
                    c.name, *rows[c.row, [SPIKES, OPS, STORED_OPS, UPDATES, CONTROLLER, NORMALISATION]].tolist()
                )
                for c in plan.connections
            ),
            populations=tuple(
                PopulationCounts(p.name, *rows[p.row, [ACTIVE, INACTIVE, SPIKES]].tolist()) for p in plan.populations
            ),
            off_chip=tuple(plan.off_chip),
            not_counted=dict(plan.not_counted),
        )

    def events(self, messages: Messages | None = None, *, stored: bool = False) -> HardwareEvents:
        """Return the events that hardware profiles price, over the whole graph; see `MeterCounts.events`."""
        return self.counts().events(messages, stored=stored)

    def energy(
        self, profile: str = DEFAULT_PROFILE, messages: Messages | None = None, *, stored: bool = False
    ) -> EnergyEstimate:
        """Return the event-model dynamic energy in pJ.

        Parameters
        ----------
        profile : str
            Name of a hardware profile, or the path of a ``.toml`` file.
        messages, stored
            As for `MeterCounts.events`.

        Raises
        ------
        InputError
            For an unknown profile (the known ones listed), or as in `counts`.
        """
        return pricing_of(profile).estimate(self.events(messages, stored=stored))

    def table(self, profile: str = DEFAULT_PROFILE, messages: Messages | None = None, *, stored: bool = False) -> str:
        """Return counts and energy as text: connections, neurons, components, the range over the profiles of the
        chip, and what was not counted.

        Parameters and errors as for `energy`.
        """
        return meter_table(self.counts(), pricing_of(profile), messages, stored=stored)

    def reset(self) -> None:
        """Begin to count from zero, between two runs: for a warm-up, or to keep training and inference apart."""
        self._board.rows[:] = 0

    def _instrument(self, executable: Any) -> None:
        builders = executable.proc_builders
        plan = MeterPlan({process: builder.proc_model for process, builder in builders.items()}, self._like)
        self._board = CounterBoard(plan.n_rows)
        for process, of_process in plan.processes.items():
            builder = builders[process]
            after_build(builder, partial(attach, builder=builder, plan=of_process, board=self._board))
        self._plan = plan
        self._processes = []

    def _compiled_plan(self) -> MeterPlan:
        if self._plan is not None:
            return self._plan
        if any(process.is_compiled for process in self._processes):
            raise InputError(
                "EnergyMeter: the graph was compiled without the meter, or could not be; "
                "allowed: make the meter after the last connection"
            )
        raise InputError("EnergyMeter: the graph has not run yet; allowed: after its first run")
