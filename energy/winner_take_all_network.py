"""Our winner-take-all network (Guo et al. 2020) as a chip has to hold it."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from lavaprune.energy.connectivity import AllButOwn, Connectivity, Mask, OneToOne, SharedAxon, Uniform
from lavaprune.energy.errors import FitError
from lavaprune.energy.network_description import MAX_NEURONS, WORD_BITS, Connection, NetworkDescription, Population

INPUT, EXCITATORY, INHIBITORY = "input", "excitatory", "inhibitory"
INPUT_CONNECTION = "input->excitatory"

LATERAL_KINDS = ("separate", "shared")
INHIBITION_KINDS = ("interneurons", "direct")

_PLASTIC = (
    "triplet_traces",
    "y2_before_own_spike",
    "fractional_weight_updates",
    "annealed_rates",
    "weight_normalisation",
)
_NETWORK = ("pruning_controller", "reset_between_images", "poisson_input", "readout")


def winner_take_all_network(
    n_inputs: int,
    n_neurons: int,
    *,
    connectivity: float = 1.0,
    mask: npt.NDArray[Any] | None = None,
    inhibition: str = "interneurons",
    lateral: str = "separate",
    only_input: bool = False,
) -> NetworkDescription:
    """Describe the network: inputs, plastic synapses, excitatory and inhibitory neurons, lateral inhibition.

    ================== =========================================================================================
    part               how it is realised
    ================== =========================================================================================
    input              outside the cores; an axon per input and core; 8-bit weights, no delays, no tags
    excitatory         one compartment per neuron; five state variables: v, g_e, g_i, theta, refractory
    inhibitory         one compartment per neuron, on the core of its partner; three: v, g_e, refractory
    excitatory -> own  one synapse of 8 bits per neuron, through an axon of its own
    lateral            `separate`: each sender has an axon on every core, with a synapse of 8 bits to every
                       excitatory neuron there but its own partner, N - 1 in all, as the engines count.
                       `shared`: on every core one axon that all senders share reaches all neurons there, and a
                       second spike to the own partner takes its share back: N + 1 synaptic operations per spike,
                       the same sum, and hardly any memory
    ================== =========================================================================================

    Without interneurons (``inhibition="direct"``) the excitatory neurons send the lateral spikes themselves.
    Delays are one step everywhere, which takes no bits.

    Parameters
    ----------
    n_inputs, n_neurons : int
        1 .. `MAX_NEURONS`.
    connectivity : float
        Share of the synapses from inputs that exist, 0 .. 1.
    mask : ndarray, shape (n_inputs, n_neurons), optional
        Which of them exist, instead.
    inhibition : {"interneurons", "direct"}
    lateral : {"separate", "shared"}
    only_input : bool
        Only the synapses from inputs and the excitatory neurons.

    Raises
    ------
    FitError
        If a value is out of range.
    """
    for name, value in (("inputs", n_inputs), ("neurons", n_neurons)):
        if not 1 <= value <= MAX_NEURONS:
            raise FitError(f"{name} is {value}; allowed: an integer 1 .. {MAX_NEURONS}")
    for name, text, allowed in (("inhibition", inhibition, INHIBITION_KINDS), ("lateral", lateral, LATERAL_KINDS)):
        if text not in allowed:
            raise FitError(f"{name} is {text!r}; allowed: {', '.join(allowed)}")
    plastic: Connectivity = Uniform(connectivity) if mask is None else Mask(mask)
    populations = [
        Population(INPUT, n_inputs, on_chip=False),
        Population(
            EXCITATORY,
            n_neurons,
            group="network",
            state_bits=5 * WORD_BITS,
            post_traces=2,
            features=("per_neuron_thresholds", "threshold_decay", "conductances"),
        ),
    ]
    connections = [Connection(INPUT_CONNECTION, INPUT, EXCITATORY, plastic, pre_traces=1, features=_PLASTIC)]
    if not only_input:
        sender = EXCITATORY
        if inhibition == "interneurons":
            sender = INHIBITORY
            populations.append(
                Population(INHIBITORY, n_neurons, group="network", state_bits=3 * WORD_BITS, features=("conductances",))
            )
            connections.append(Connection("excitatory->inhibitory", EXCITATORY, INHIBITORY, OneToOne()))
        if lateral == "separate":
            connections.append(Connection("lateral", sender, EXCITATORY, AllButOwn()))
        else:
            connections.append(Connection("lateral", sender, EXCITATORY, SharedAxon()))
            connections.append(Connection("lateral, own share back", sender, EXCITATORY, OneToOne()))
    return NetworkDescription(tuple(populations), tuple(connections), features=_NETWORK)
