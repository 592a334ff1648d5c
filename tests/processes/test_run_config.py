"""`RegisteredSimCfg` is quicker than Lava's own RunConfig, and chooses the same models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.lif.process import LIF

from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.fused_network import FusedNetwork
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.processes.run_config import RegisteredSimCfg
from lavaprune.processes.winner_take_all import WinnerTakeAll
from lavaprune.pruning.registry import method_from_settings

METHOD = method_from_settings("constant", threshold=0.2)
PARAMETERS = NetworkParameters(n_inputs=3, n_neurons=2)


def fused() -> AbstractProcess:
    network = FusedNetwork(PARAMETERS, initial_state(PARAMETERS))
    network.connect_controller(PruningController(3, 2, METHOD))
    return network


def graph() -> AbstractProcess:
    return WinnerTakeAll(PARAMETERS, initial_state(PARAMETERS), pruning=METHOD)


def with_stock_neurons() -> AbstractProcess:
    neurons = LIF(shape=(3,))
    synapses = PlasticSynapses(PARAMETERS, [[1, 2]] * 3)
    neurons.s_out.connect(synapses.s_in)
    return synapses


def chosen(process: AbstractProcess, config: Loihi2SimCfg) -> list[tuple[type, Any]]:
    """Every Process that the compiler ends up with, by its class, and the class of its model."""
    graphs = ProcGroupDiGraphs(process, config)
    processes = [p for group in graphs.get_proc_groups() for p in group]
    return sorted(((type(p), p.model_class) for p in processes), key=str)


@pytest.mark.parametrize(
    ("build", "tag", "n_processes"),
    [
        (fused, "fixed_pt", 2),
        (graph, "fixed_pt", 9),
        (with_stock_neurons, "fixed_pt", 2),
        (with_stock_neurons, "floating_pt", 2),
    ],
)
def test_it_chooses_what_plain_loihi2simcfg_chooses(
    build: Callable[[], AbstractProcess], tag: str, n_processes: int
) -> None:
    plain = chosen(build(), Loihi2SimCfg(select_tag=tag))
    assert len(plain) == n_processes
    assert chosen(build(), RegisteredSimCfg(select_tag=tag)) == plain


def test_it_does_not_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(proc: AbstractProcess) -> None:
        raise AssertionError(f"the files beside {type(proc).__name__} are executed")

    monkeypatch.setattr(ProcGroupDiGraphs, "_find_proc_models", staticmethod(search))
    chosen(graph(), RegisteredSimCfg())
    with pytest.raises(AssertionError, match="the files beside"):
        chosen(graph(), Loihi2SimCfg(select_tag="fixed_pt"))
