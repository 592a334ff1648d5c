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
from typing import Any, TypeVar

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import WHEN, PruningMethod
from lavaprune.pruning.rescaling import RESCALINGS
from lavaprune.pruning.threshold_functions import Number, as_decimal


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
    connectivity : number
        Share of synapses that methods which aim at a connectivity leave in the end, 0..1.
    redundant : number
        Share of the neurons that the method contrast removes as near-duplicates of others, 0..1.
    strategy : str
        How neuron pruning chooses: fixed, constant or adaptive.
    spike_threshold : number
        Neuron pruning's first threshold theta0, in spikes per training image, at least 0.
    neurons_removed : int
        Neurons that neuron pruning with the strategy fixed removes at each event, at least 1.
    rescale : str
        What replaces the method's own `PruningMethod.rescale`; ``"method"``: nothing does.
    gain : number
        What replaces the method's own `PruningMethod.gain`, 0 .. 4; 1: nothing does.
    first_gain : number
        The same for `PruningMethod.first_gain`.
    start, batch : int
        The schedule's: trained images before event 0, and from one event to the next; at least 1.
    """

    function: str = "f1"
    threshold: Number = 0.1
    factor_time: Number | None = None
    factor_neurons: Number | None = None
    spike_interval: int = 30
    grouping: str = "sorted"
    connectivity: Number = 0.1
    redundant: Number = 0
    strategy: str = "adaptive"
    spike_threshold: Number = 0
    neurons_removed: int = 10
    rescale: str = "method"
    gain: Number = 1
    first_gain: Number = 1
    start: int = 30_000
    batch: int = 5_000

    def images_counted(self, k: int) -> int:
        """Training images over which an event's spike counts are totals: a batch, or fewer before an early event 0."""
        return min(self.start, self.batch) if k == 0 else self.batch


GAIN_SETTING_MAX = 4
"""Of each of the two gains: their product is within `lavaprune.pruning.rescaling.GAIN_MAX`."""
MethodFactory = Callable[[MethodSettings], PruningMethod]
_Factory = TypeVar("_Factory", bound=MethodFactory)

_METHODS: dict[str, MethodFactory] = {}

# Modules that register the methods that come with the package.
_BUILT_IN_MODULES = (
    "lavaprune.pruning.threshold_methods",
    "lavaprune.pruning.post_training",
    "lavaprune.pruning.soft_methods",
    "lavaprune.pruning.neuron_method",
    "lavaprune.pruning.contrast_method",
)


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
    """Return the names of all registered methods: those of the package first, then in the order of registration."""
    for module in _BUILT_IN_MODULES:
        import_module(module)
    order = {module: index for index, module in enumerate(_BUILT_IN_MODULES)}
    return tuple(sorted(_METHODS, key=lambda name: order.get(_origin(_METHODS[name])[0], len(order))))


def build_method(name: str, settings: MethodSettings) -> PruningMethod:
    """Make the method called `name`.

    Raises
    ------
    PruningError
        For an unknown name, listing the known ones, or a setting out of range.
    """
    if name not in known_methods():
        raise PruningError(f"pruning: method is {name!r}; known: {', '.join(known_methods())}")
    method = _METHODS[name](settings)
    if method.when not in WHEN:
        raise PruningError(f"pruning method {name!r}: when is {method.when!r}; allowed: {', '.join(WHEN)}")
    if settings.rescale != "method":
        method.rescale = settings.rescale
    for gain_name in ("gain", "first_gain"):
        gain = as_decimal(f"pruning: {gain_name}", getattr(settings, gain_name), 0, GAIN_SETTING_MAX)
        if gain != 1:
            setattr(method, gain_name, gain)
    if method.rescale not in RESCALINGS:
        raise PruningError(f"pruning method {name!r}: rescale is {method.rescale!r}; allowed: {', '.join(RESCALINGS)}")
    return method


def method_from_settings(name: str, *values: Any, **named: Any) -> PruningMethod:
    """`build_method` with the values of `MethodSettings` given one by one, by name or in their order."""
    return build_method(name, MethodSettings(*values, **named))


def _origin(factory: MethodFactory) -> tuple[str, str]:
    return (
        getattr(factory, "__module__", type(factory).__module__),
        getattr(factory, "__qualname__", type(factory).__qualname__),
    )
