"""Pruning methods by name.

A method of one's own takes a dozen lines; once its module is imported, `pruning.method` knows its name::

    @register_method("half")
    class HalfOfEachNeuron(PruningMethod):
        def __init__(self, settings: MethodSettings) -> None:
            pass

        def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
            return event.without(event.weights < np.median(event.weights, axis=0))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import PruningMethod
from lavaprune.pruning.threshold_functions import Number


@dataclass(frozen=True)
class MethodSettings:
    """Settings that methods are made from; each checks those it uses.

    Attributes
    ----------
    function : str
        Threshold function: f1, f2 or f3.
    threshold : number
        Initial threshold w0 as a share of w_max, 0..1.
    factor_time, factor_neurons : number, optional
        Adaptation factors over time and over groups of neurons; None: the paper's best for the function.
    spike_interval : int
        SI in spikes over the batch, at least 1.
    grouping : str
        sorted (Algorithm 1) or binned (the hardware variant).
    """

    function: str = "f1"
    threshold: Number = 0.1
    factor_time: Number | None = None
    factor_neurons: Number | None = None
    spike_interval: int = 30
    grouping: str = "sorted"


MethodFactory = Callable[[MethodSettings], PruningMethod]
_Factory = TypeVar("_Factory", bound=MethodFactory)

_METHODS: dict[str, MethodFactory] = {}

# Modules that register the methods that come with the package.
_BUILT_IN_MODULES = ("lavaprune.pruning.threshold_methods",)


def register_method(name: str) -> Callable[[_Factory], _Factory]:
    """Class decorator: make a method available under `name`.

    What is decorated is called with a `MethodSettings` and gives a `PruningMethod`.

    Raises
    ------
    PruningError
        If something else has that name already.
    """

    def register(factory: _Factory) -> _Factory:
        known = _METHODS.get(name)
        # The same definition may be executed again (a notebook cell, a reloaded module); another may not take over.
        if known is not None and _origin(known) != _origin(factory):
            raise PruningError(f"pruning method {name!r} is registered already, by {'.'.join(_origin(known))}")
        _METHODS[name] = factory
        return factory

    return register


def known_methods() -> tuple[str, ...]:
    """Return the names of all registered methods, in the order of their registration."""
    for module in _BUILT_IN_MODULES:
        import_module(module)
    return tuple(_METHODS)


def method_from_settings(
    name: str,
    function: str = "f1",
    threshold: Number = 0.1,
    factor_time: Number | None = None,
    factor_neurons: Number | None = None,
    spike_interval: int = 30,
    grouping: str = "sorted",
) -> PruningMethod:
    """Make the method called `name`; the other parameters are those of `MethodSettings`.

    Raises
    ------
    PruningError
        For an unknown name, listing the known ones, or a setting out of range.
    """
    if name not in known_methods():
        raise PruningError(f"pruning: method is {name!r}; known: {', '.join(known_methods())}")
    settings = MethodSettings(function, threshold, factor_time, factor_neurons, spike_interval, grouping)
    return _METHODS[name](settings)


def _origin(factory: MethodFactory) -> tuple[str, str]:
    return (
        getattr(factory, "__module__", type(factory).__module__),
        getattr(factory, "__qualname__", type(factory).__qualname__),
    )
