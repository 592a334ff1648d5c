r"""From conductances and thresholds of their own to currents and one threshold for all.

With ``w = -ln(1 - (v - v_rest) / (e_exc - v_rest))`` the membrane equation of Guo et al. 2020 (Eq. 1) without
inhibition, ``tau dv/dt = (v_rest - v) + g (e_exc - v)``, becomes

    tau dw/dt = g - (exp(w) - 1):

the conductance now acts as a current, whatever v is, and only the leak is no longer linear. A stock LIF puts a linear
one in its place, ``k w + b``; as neurons spike where w is 1 to 2, k is above 1 (a shorter time constant) and b is a
constant bias. A neuron's threshold ``w_i`` is divided out of its weights, so that one threshold does for all. What
remains of the difference is made up for by a power of ``w_i`` other than -1, and by one gain for all, found on training
images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.fixed_point import WEIGHT_MAX
from lavaprune.proc_models.stock_arithmetic import (
    ALIGN_BITS,
    DECAY_MAX,
    DECAY_UNITY,
    EXCITATORY_MAX,
    MIXED_MAX,
    MIXED_MIN,
    VTH_MAX,
    WEIGHT_EXP_MIN,
)
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState

LATERAL_VTH_MAX = 1 << 11  # keeps the current from wrapping around before about 100 neurons spike in a step
_MV = 1.0 / 65536  # of a threshold's least significant bit


@dataclass(frozen=True)
class PortSettings:
    """How a stock network is made; the values were found on training images of MNIST (docs/porting.md).

    Attributes
    ----------
    tau_current_ms, tau_membrane_ms : float
        Of the LIF's current and voltage.
    bias : float
        Added in each step, as a share of the threshold.
    lateral, own : float
        What a neuron's spike takes from the others' voltages and from its own, as shares of the threshold; both 0: the
        network is fed forward only.
    common : float
        Share of the neurons' mean weight from an input that is taken off each weight from it: without lateral
        inhibition, competition has to be in the weights. Makes weights of both signs, and fills pruned synapses.
    exponent : float
        The weights are divided by this power of the neuron's threshold.
    spike_ratio : float
        Spikes per image, as a multiple of those of the network it is made from.
    rest_steps : int
        Silent steps between images.
    """

    tau_current_ms: float
    tau_membrane_ms: float
    bias: float
    lateral: float
    own: float
    common: float
    exponent: float
    spike_ratio: float
    rest_steps: int


LATERAL_PORT = PortSettings(1.6, 22.0, -0.006, 1.3, 0.6, 0.0, 1.4, 2.4, 100)
FORWARD_PORT = PortSettings(0.3, 130.0, -0.0025, 0.0, 0.0, 1.16, 1.56, 4.2, 100)
# What is tried for other data: the first of these unless another does clearly better on the run's own training images.
LATERAL_PORTS = (LATERAL_PORT, replace(LATERAL_PORT, exponent=1.0))
FORWARD_PORTS = (FORWARD_PORT, *(replace(FORWARD_PORT, common=common) for common in (1.0, 0.8, 0.6)))


def fold(
    parameters: NetworkParameters, state: NetworkState, settings: PortSettings, gain: float = 1.0
) -> StockNetwork:
    """The stock network for one gain of the weights, without labels.

    Parameters
    ----------
    parameters, state
        Of the trained network.
    settings : PortSettings
    gain : float
        Multiplies all excitatory weights, in proportion to the threshold.

    Raises
    ------
    ValueError
        If no neuron can fire, or the result is outside what Loihi has for it.
    """
    relative = relative_weights(parameters, state, settings) * gain
    du = _decay(settings.tau_current_ms) - 1
    dv = _decay(settings.tau_membrane_ms)
    charge = DECAY_UNITY / (du + 1)  # what a spike adds to the voltage in the end, in units of its activation
    if settings.common == 0:
        per_threshold = EXCITATORY_MAX / relative.max()
        exact = per_threshold * charge
        weight_exp = max(WEIGHT_EXP_MIN, min(0, math.floor(math.log2(LATERAL_VTH_MAX / exact))))
        weights = np.rint(relative * per_threshold).astype(np.int32)
    else:
        relative = relative - settings.common * relative.mean(axis=0, keepdims=True)
        limits = [VTH_MAX / charge, MIXED_MAX / max(relative.max(), 1e-12), MIXED_MIN / min(relative.min(), -1e-12)]
        per_threshold = min(limits)
        exact = per_threshold * charge
        weight_exp = 0
        weights = 2 * np.rint(relative * per_threshold / 2).astype(np.int32)
    vth = round(math.ldexp(exact, weight_exp))
    lateral, lateral_exp = _lateral(len(weights), settings, vth / charge)
    return StockNetwork(
        weights=weights,
        weight_exp=weight_exp,
        lateral=lateral,
        lateral_exp=lateral_exp,
        du=du,
        dv=dv,
        vth=vth,
        bias_mant=np.full(len(weights), round(settings.bias * vth), np.int32),
        bias_exp=ALIGN_BITS,
        steps=parameters.steps,
        rest_steps=settings.rest_steps,
    )


def relative_weights(
    parameters: NetworkParameters, state: NetworkState, settings: PortSettings
) -> npt.NDArray[np.float64]:
    """What a spike at each synapse adds to w, relative to the neuron's threshold, (N, I).

    A neuron whose threshold is at the excitatory reversal potential or above can never fire: all 0.

    Raises
    ------
    ValueError
        If that, or a column of zeros, is so for every neuron.
    """
    p = parameters
    span = p.e_exc_mv - p.v_rest_mv
    share = (p.v_th_mv + state.theta.astype(np.float64) * _MV - p.v_rest_mv) / span
    threshold = -np.log1p(-np.minimum(share, 1 - 1e-9))
    shape = np.where(share < 1, threshold**-settings.exponent, 0.0)
    per_spike = p.gain_exc / WEIGHT_MAX / (1 - math.exp(-1 / p.tau_ge_ms)) / p.tau_m_ms
    relative = state.weights.astype(np.float64).T * shape[:, None] * per_spike
    if not relative.any():
        raise ValueError("stock network: no neuron can fire (weights of 0, or thresholds at e_exc); allowed: some")
    return relative


def _decay(tau_ms: float) -> int:
    """``4096 (1 - exp(-1 / tau))``, 1..4095."""
    return max(1, min(DECAY_MAX, round(DECAY_UNITY * (1 - math.exp(-1 / tau_ms)))))


def _lateral(n: int, settings: PortSettings, per_share: float) -> tuple[npt.NDArray[np.int32], int]:
    """Weights from every neuron to the others and to itself, and their exponent; finest that 8 bits allow."""
    strongest = max(settings.lateral, settings.own) * per_share
    exponent = max(WEIGHT_EXP_MIN, math.ceil(math.log2(strongest / EXCITATORY_MAX))) if strongest > 0 else 0
    lateral = np.full((n, n), -round(math.ldexp(settings.lateral * per_share, -exponent)), np.int32)
    np.fill_diagonal(lateral, -round(math.ldexp(settings.own * per_share, -exponent)))
    return lateral, exponent
