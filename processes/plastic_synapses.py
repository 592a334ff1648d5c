"""All-to-all synapses that learn by triplet STDP."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.checks import check_conducting, checked_array
from lavaprune.processes.controlled import CountingProcess
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import COLUMN_TARGET_MAX, default_column_target


class PlasticSynapses(CountingProcess):
    """Masked 8-bit synapses, I inputs to N neurons, with triplet STDP (Guo et al. 2020, Eq. 3 and 4).

    A spike received in step t is delivered in step t+1, like stock ``Dense``'s, so loops do not deadlock. When it is
    delivered it depresses its plastic synapses by ``mu_pre * y1``; a spike of neuron i, received in the same step in
    which it happens, potentiates i's plastic synapses by ``mu_post * x * y2`` with the y2 before that spike. Traces are
    7 bits, set to their maximum at the own spike, and read from a table by the number of steps since. Every update
    has 16 fractional bits and is rounded stochastically to 8 bits.

    At a training sample's end the columns of neurons that fired are scaled to their targets, at first ``column_sum``;
    a pruning event may follow, in which `PruningController` returns new masks, and new targets, to which the columns
    are scaled at once.

    Missing against the hardware: Loihi 1's learning engine accumulates in 15 bits; the normalisation and the controller
    stand for work of an embedded processor.

    Parameters
    ----------
    parameters : NetworkParameters
        Of which ``n_inputs``, ``n_neurons``, ``seed``, the STDP ones (``tau_x_ms``, ``tau_y1_ms``, ``tau_y2_ms``,
        ``mu_pre``, ``mu_post``) and the normalisation (``normalise``, ``column_sum``) are used.
    weights : integers, shape (I, N)
        0..255, where 255 is w_max; ``weights[j, i]`` leads from input j to neuron i.
    conducts, plastic : integers, shape (I, N), optional
        1 where a synapse exists, and where it learns; all of them unless given.
    batch_counts : integers, shape (N,), optional
        Spikes of each neuron in the training samples since the last batch ended.
    column_targets : integers, shape (N,), optional
        Sum of each neuron's plastic weights after normalisation, in weight steps; ``column_sum`` unless given.
    name : str, optional

    Attributes
    ----------
    s_in : InPort, shape (I,), int32
        Presynaptic spikes: any value but 0.
    s_post_in : InPort, shape (N,), int32
        Postsynaptic spikes, of the same step; optional (without them only depression is possible, and nothing happens).
    a_out : OutPort, shape (N,), int32
        Sum of the weights of the inputs that spiked in the previous step, up to 24 bits unsigned.
    weights_out, conducts_out, plastic_out : OutPort, shape (I, N), uint8
    batch_counts_out, column_targets_out : OutPort, shape (N,), int64
        The state, sent only in steps whose control word asks for it.
    prune_trigger_out, prune_counts_out, prune_weights_out : OutPort
    prune_conducts_in, prune_plastic_in, prune_targets_in, prune_ops_in : InPort
        To and from a `PruningController`, which describes and connects them; optional: without one there is no pruning
        event, and where a mask does not come back nothing is pruned.
    weights, conducts, plastic : Var, shape (I, N), uint8
        ``weights`` is 0 wherever ``conducts`` is 0.
    pending : Var, shape (I,), bool
        Inputs whose spikes are delivered in the next step.
    age_pre : Var, shape (I,), int64
        Steps since the last spike of an input, as delivered; saturates at ``AGE_NEVER``, 2**30.
    age_post : Var, shape (N,), int64
        Steps since the last spike of a neuron; saturates likewise.
    sample_counts, batch_counts : Var, shape (N,), int64
        Spikes of each neuron in this training sample, and in the finished ones since the last batch ended.
    column_targets : Var, shape (N,), int64
    control_in, counters_out, counters
        As in `CountingProcess`.

    Raises
    ------
    ValueError
        If a shape differs, a weight is not an integer 0..255, a mask is not 0 or 1, a weight is not 0 where
        ``conducts`` is 0, or a synapse is plastic where it does not conduct.
    """

    AGE_NEVER = 1 << 30

    COUNTERS = (
        "input_accumulations",
        "depression_updates",
        "depression_live",
        "depression_changed",
        "potentiation_updates",
        "potentiation_live",
        "potentiation_changed",
        "normalisation_operations",
        "controller_operations",
    )

    def __init__(
        self,
        parameters: NetworkParameters,
        weights: npt.ArrayLike,
        conducts: npt.ArrayLike = 1,
        plastic: npt.ArrayLike | None = None,
        batch_counts: npt.ArrayLike = 0,
        column_targets: npt.ArrayLike | None = None,
        *,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        owner = "PlasticSynapses"
        n_inputs, n_neurons = shape = (parameters.n_inputs, parameters.n_neurons)
        w = checked_array(owner, "weights", weights, shape, 0, 255, np.uint8)
        exists = checked_array(owner, "conducts", conducts, shape, 0, 1, np.uint8)
        learns = checked_array(owner, "plastic", exists if plastic is None else plastic, shape, 0, 1, np.uint8)
        if column_targets is None:
            column_targets = default_column_target(parameters)
        targets = checked_array(owner, "column_targets", column_targets, (n_neurons,), 0, COLUMN_TARGET_MAX, np.int64)
        spikes = checked_array(owner, "batch_counts", batch_counts, (n_neurons,), 0, 2**53, np.int64)
        check_conducting(owner, exists, weights=w, plastic=learns)
        super().__init__(parameters=parameters, name=name, **proc_params)
        self.s_in = InPort(shape=(n_inputs,))
        self.s_post_in = InPort(shape=(n_neurons,))
        self.a_out = OutPort(shape=(n_neurons,))
        self.weights_out = OutPort(shape=shape)
        self.conducts_out = OutPort(shape=shape)
        self.plastic_out = OutPort(shape=shape)
        self.batch_counts_out = OutPort(shape=(n_neurons,))
        self.column_targets_out = OutPort(shape=(n_neurons,))
        self.prune_trigger_out = OutPort(shape=(1,))
        self.prune_counts_out = OutPort(shape=(n_neurons,))
        self.prune_weights_out = OutPort(shape=shape)
        self.prune_conducts_in = InPort(shape=shape)
        self.prune_plastic_in = InPort(shape=shape)
        self.prune_targets_in = InPort(shape=(n_neurons,))
        self.prune_ops_in = InPort(shape=(1,))
        self.weights = Var(shape=shape, init=w)
        self.conducts = Var(shape=shape, init=exists)
        self.plastic = Var(shape=shape, init=learns)
        self.pending = Var(shape=(n_inputs,), init=0)
        self.age_pre = Var(shape=(n_inputs,), init=self.AGE_NEVER)
        self.age_post = Var(shape=(n_neurons,), init=self.AGE_NEVER)
        self.sample_counts = Var(shape=(n_neurons,), init=0)
        self.batch_counts = Var(shape=(n_neurons,), init=spikes)
        self.column_targets = Var(shape=(n_neurons,), init=targets)
