"""The base of our Processes, which makes Lava find their ProcessModels."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from typing import Any

from lava.magma.core.process.process import AbstractProcess

_PROCESSES = "lavaprune.processes"
_PROC_MODELS = "lavaprune.proc_models"


class LavapruneProcess(AbstractProcess):
    """A Process of ``lavaprune.processes.<name>`` whose models stand in ``lavaprune.proc_models.<name>``.

    Lava's compiler looks for ProcessModels only in the module of the Process and beside it. So building a
    Process imports the module of its models - this is the one import that points upwards - and enters them in
    the module of the Process. Any RunConfig then finds them, such as plain ``Loihi2SimCfg(select_tag="fixed_pt")``.

    Parameters
    ----------
    **proc_params
        Passed on to `lava.magma.core.process.process.AbstractProcess`, which hands them to the ProcessModel.
    """

    # Lava deletes a Process by stopping its runtime, also one whose arguments were refused before it had any.
    _runtime = None

    def __init__(self, **proc_params: Any) -> None:
        register_models(type(self))
        handlers = list(logging.root.handlers)
        super().__init__(**proc_params)
        # Lava adds a console handler to the root logger for every Process: with ten of them, every error of
        # the user's own program would be printed ten times.
        logging.root.handlers[:] = handlers


def register_models(process: type[AbstractProcess]) -> None:
    """Make Lava's compiler find the ProcessModels of a Process class and of its bases.

    Classes that are not of ``lavaprune.processes``, such as a user's own subclass, are left alone: Lava wants
    ProcessModels of their own for them.
    """
    for cls in process.__mro__:
        package, _, name = cls.__module__.rpartition(".")
        if package == _PROCESSES and cls is not LavapruneProcess:
            _register_module(f"{_PROC_MODELS}.{name}")


def _register_module(models: str) -> None:
    module = importlib.import_module(models)
    if getattr(module, "_is_registered", False):
        return
    for model in list(vars(module).values()):
        process = getattr(model, "implements_process", None)
        if inspect.isclass(model) and model.__module__ == models and process is not None:
            model.__module__ = process.__module__
            setattr(sys.modules[process.__module__], model.__name__, model)
    module._is_registered = True  # type: ignore[attr-defined]
