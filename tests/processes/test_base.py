"""Lava finds the ProcessModels of our Processes by itself, quietly."""

import logging
import pkgutil
import subprocess
import sys
import warnings

from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_configs import Loihi2SimCfg

import lavaprune.processes
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.base import register_models
from lavaprune.processes.fused_network import FusedNetwork
from lavaprune.processes.parameters import NetworkParameters


def _network() -> FusedNetwork:
    parameters = NetworkParameters(n_inputs=3, n_neurons=2)
    return FusedNetwork(parameters, initial_state(parameters))


def test_plain_run_configs_compile_it_without_a_warning():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="lava")
        _network().compile(Loihi2SimCfg(select_tag="fixed_pt"))


def test_models_are_found_in_the_module_of_the_process():
    _network()
    from lavaprune.processes import fused_network

    model = fused_network.PyFusedNetworkModel
    assert model.__module__ == "lavaprune.processes.fused_network"
    assert model.implements_process is FusedNetwork


def test_importing_processes_imports_no_models():
    modules = [m.name for m in pkgutil.iter_modules(lavaprune.processes.__path__)]
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module('lavaprune.processes.' + name)\n"
        "print([m for m in sys.modules if m.startswith('lavaprune.proc_models')])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_processes_of_others_are_left_alone():
    class Mine(AbstractProcess):
        pass

    register_models(Mine)
    assert not [name for name in sys.modules if name.startswith("lavaprune.proc_models.test")]


def test_building_a_process_adds_no_log_handlers():
    before = list(logging.root.handlers)
    _network()
    assert logging.root.handlers == before
