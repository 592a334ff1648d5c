"""What a deep feedforward network did, layer by layer, and the same as hardware events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from lavaprune.energy.checks import checked_count
from lavaprune.energy.errors import CountsError
from lavaprune.energy.hardware_events import HardwareEvents


@dataclass(frozen=True)
class LayerCounts:
    """Events of one layer; every attribute is an int, 0 .. 2**63 - 1.

    Attributes
    ----------
    synaptic_ops : int
        Weights read and added: for each spike of the source, its synapses here whose weight is not 0.
    spikes : int
        Sent by its neurons.
    neuron_updates_active, neuron_updates_inactive : int
        One update per neuron and step; active if the neuron has a bias, a spike arrived through a synapse, or its
        membrane was off rest before the step.

    Raises
    ------
    CountsError
        If a value is not an integer in range.
    """

    synaptic_ops: int
    spikes: int
    neuron_updates_active: int
    neuron_updates_inactive: int

    def __post_init__(self) -> None:
        for each in fields(self):
            value = checked_count("counts of a layer", each.name, getattr(self, each.name))
            object.__setattr__(self, each.name, value)

    def __add__(self, other: LayerCounts) -> LayerCounts:
        return LayerCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class FeedforwardCounts:
    """Events of some images, all of them together.

    Attributes
    ----------
    steps : int
        Time steps.
    input_spikes : int
    layers : mapping of str to LayerCounts
        By layer, from input to output.

    Raises
    ------
    CountsError
        If a number is not an integer 0 .. 2**63 - 1.
    """

    steps: int
    input_spikes: int
    layers: Mapping[str, LayerCounts]

    def __post_init__(self) -> None:
        for name in ("steps", "input_spikes"):
            checked_count("counts of a network", name, getattr(self, name))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> FeedforwardCounts:
        """Read what `to_dict` gave.

        Raises
        ------
        CountsError
            Something is missing, unknown or no count.
        """
        try:
            layers = {name: LayerCounts(**layer) for name, layer in mapping["layers"].items()}  # type: ignore[attr-defined]
            return cls(mapping["steps"], mapping["input_spikes"], layers)  # type: ignore[arg-type]  # checked there
        except (KeyError, TypeError, AttributeError) as error:
            raise CountsError(f"counts of a network: not as they should be ({error})") from None

    @property
    def synaptic_ops(self) -> int:
        """Synaptic operations of all layers."""
        return sum(layer.synaptic_ops for layer in self.layers.values())

    @property
    def spikes(self) -> dict[str, int]:
        """Spikes by population, ``input`` first."""
        return {"input": self.input_spikes} | {name: layer.spikes for name, layer in self.layers.items()}

    @property
    def neuron_updates(self) -> int:
        """Neuron updates of all layers, active or not."""
        return sum(each.neuron_updates_active + each.neuron_updates_inactive for each in self.layers.values())

    def hardware_events(self, messages: Mapping[str, int] | None = None) -> HardwareEvents:
        """The same in a chip's terms; nothing learns and nothing prunes on it.

        Parameters
        ----------
        messages : mapping of str to int, optional
            ``spikes_within_tile``, ``hops_ew`` and ``hops_ns`` of a placement on cores (`placement.route`); without,
            one message for each spike that another layer gets, and no hops.
        """
        *_, last = self.spikes
        sent = {"spikes_within_tile": sum(self.spikes.values()) - self.spikes[last], "hops_ew": 0, "hops_ns": 0}
        return HardwareEvents(
            steps=self.steps,
            synaptic_ops=self.synaptic_ops,
            synaptic_updates=0,
            neuron_updates_active=sum(layer.neuron_updates_active for layer in self.layers.values()),
            neuron_updates_inactive=sum(layer.neuron_updates_inactive for layer in self.layers.values()),
            **(sent if messages is None else messages),
        )

    def to_dict(self) -> dict[str, object]:
        """As plain numbers, for JSON."""
        layers = {name: {f.name: getattr(layer, f.name) for f in fields(layer)} for name, layer in self.layers.items()}
        return {"steps": self.steps, "input_spikes": self.input_spikes, "layers": layers}

    def __add__(self, other: FeedforwardCounts) -> FeedforwardCounts:
        if list(self.layers) != list(other.layers):
            raise CountsError(f"counts of layers {list(other.layers)}; allowed to add: {list(self.layers)}")
        return FeedforwardCounts(
            self.steps + other.steps,
            self.input_spikes + other.input_spikes,
            {name: layer + other.layers[name] for name, layer in self.layers.items()},
        )
