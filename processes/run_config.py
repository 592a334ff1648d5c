"""A RunConfig for graphs of many of our Processes, which compiles them faster."""

from __future__ import annotations

import sys
from typing import Any

from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.run_configs import Loihi2SimCfg

from lavaprune.processes.base import LavapruneProcess


class RegisteredSimCfg(Loihi2SimCfg):
    """``Loihi2SimCfg``, and the same choice of models, without the search for those of our Processes.

    For each Process the compiler otherwise executes every file beside it, as often as there are files: for the whole
    `WinnerTakeAll` thousands of times, 1 to 5 s.

    Parameters
    ----------
    select_tag : str
        ``fixed_pt`` or ``floating_pt``.
    **options
        As for ``Loihi2SimCfg``.
    """

    def __init__(self, select_tag: str = "fixed_pt", **options: Any) -> None:
        super().__init__(select_tag=select_tag, **options)
        chooser = Loihi2SimCfg(select_tag=select_tag, **options)
        self.exception_proc_model_map = _RegisteredModels(chooser)


class _RegisteredModels(dict):
    """The compiler asks it, before it searches, for a Process; and a RunConfig, later, for a class of Processes."""

    def __init__(self, chooser: Loihi2SimCfg) -> None:
        super().__init__(chooser.exception_proc_model_map)
        self._chooser = chooser

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or bool(_models(key))

    def __missing__(self, process: LavapruneProcess) -> type[AbstractProcessModel]:
        return self._chooser.select(process, _models(process))


def _models(process: object) -> list[type[AbstractProcessModel]]:
    """The models that `processes.base.register_models` has entered; none for anything but a Process of ours."""
    if not isinstance(process, LavapruneProcess):
        return []
    return ProcGroupDiGraphs._find_proc_models_in_module(process, sys.modules[type(process).__module__])
