"""The physical parameters of the winner-take-all network, checked when built."""

# no postponed annotations here: Lava executes this file under a bare name, where dataclasses cannot resolve them

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

INHIBITION_KINDS = ("interneurons", "direct")


# lowest and highest value of each
PARAMETER_RANGES: dict[str, tuple[float, float]] = {
    "n_inputs": (1, 65536),
    "n_neurons": (1, 65536),
    "steps": (1, 100_000),
    "seed": (0, 2**63 - 1),
    "tau_m_ms": (1, 1e5),
    "tau_ge_ms": (0.05, 1e4),
    "tau_gi_ms": (0.05, 1e4),
    "v_rest_mv": (-127, 127),
    "v_th_mv": (-127, 127),
    "e_exc_mv": (-127, 127),
    "e_inh_mv": (-127, 127),
    "refractory_steps": (0, 10_000),
    "gain_exc": (0, 1000),
    "gain_inh": (0, 1000),
    "inh_tau_m_ms": (1, 1e5),
    "inh_v_th_mv": (-127, 127),
    "inh_refractory_steps": (0, 10_000),
    "inh_gain_exc": (0, 1000),
    "tau_x_ms": (0.1, 1e3),
    "tau_y1_ms": (0.1, 1e3),
    "tau_y2_ms": (0.1, 1e3),
    "mu_pre": (0, 1),
    "mu_post": (0, 1),
    "theta_init_mv": (0, 127),
    "theta_plus_mv": (0, 127),
    "tau_theta_ms": (1, 1e15),
    "column_sum": (0, 65536),
    "init_weight_max": (0, 1),
    "max_rate_hz": (0.1, 1000),
    "total_pixels": (1, 65536),
    "equalise": (0, 1),
}


@dataclass(frozen=True)
class NetworkParameters:
    """Parameters of one network in physical units (Guo et al. 2020, Table 1; the rest is ours, see the design).

    One step is 1 ms. Both engines and the floating-point reference take the same object; each quantises it by itself.

    Attributes
    ----------
    n_inputs, n_neurons : int
        Inputs and excitatory neurons, 1..65536.
    steps : int
        Steps per image, 1..100000.
    seed : int
        Seed of every random draw, 0..2**63-1.
    tau_m_ms, tau_ge_ms, tau_gi_ms : float
        Membrane and conductance time constants of the excitatory neurons.
    v_rest_mv, v_th_mv, e_exc_mv, e_inh_mv : float
        Resting (and reset), threshold and reversal potentials, within -127..127 mV and
        ``e_inh <= v_rest < v_th <= e_exc``.
    refractory_steps : int
        Steps after a spike for which the membrane is held at rest.
    gain_exc : float
        Excitatory conductance, in units of the leak, that a synapse of weight w_max adds at a spike.
    gain_inh : float
        Inhibitory conductance, in units of the leak, that one lateral spike adds.
    inhibition : {"interneurons", "direct"}
        Inhibitory neurons in between (the paper), or lateral synapses from excitatory neurons.
    inh_tau_m_ms, inh_v_th_mv, inh_refractory_steps, inh_gain_exc
        The interneurons (Diehl and Cook 2015).
    tau_x_ms, tau_y1_ms, tau_y2_ms, mu_pre, mu_post : float
        Triplet STDP; rates as a share of w_max per unit of the traces.
    theta_init_mv, theta_plus_mv, tau_theta_ms : float
        Adaptive threshold: start, step at each spike, decay (applied once per image, for its steps).
    normalise : bool
        Scale the columns of neurons that fired to ``column_sum`` at the end of an image.
    column_sum : float
        Target of a neuron's summed weights, in units of w_max.
    init_weight_max : float
        Initial weights are uniform in 0..init_weight_max (of w_max), then normalised.
    max_rate_hz : float
        Rate of a full pixel where ``equalise`` is 0.
    total_pixels : float
        Total input of an image, in full pixels, where ``equalise`` is 1.
    equalise : float
        0: rates proportional to intensity; 1: each image scaled to the same total rate; between: between.

    Raises
    ------
    ValueError
        Naming the parameter, its value and the allowed range.
    """

    n_inputs: int
    n_neurons: int
    steps: int = 350
    seed: int = 0
    tau_m_ms: float = 100.0
    tau_ge_ms: float = 1.0
    tau_gi_ms: float = 2.0
    v_rest_mv: float = -60.0
    v_th_mv: float = -50.0
    e_exc_mv: float = 0.0
    e_inh_mv: float = -100.0
    refractory_steps: int = 4
    gain_exc: float = 1.55
    gain_inh: float = 96.0
    inhibition: str = "interneurons"
    inh_tau_m_ms: float = 10.0
    inh_v_th_mv: float = -40.0
    inh_refractory_steps: int = 2
    inh_gain_exc: float = 10.4
    tau_x_ms: float = 18.7
    tau_y1_ms: float = 10.1
    tau_y2_ms: float = 60.0
    mu_pre: float = 5e-5
    mu_post: float = 0.021
    theta_init_mv: float = 6.8
    theta_plus_mv: float = 0.033
    tau_theta_ms: float = 7.8e6
    normalise: bool = True
    column_sum: float = 38.6
    init_weight_max: float = 0.3
    max_rate_hz: float = 92.0
    total_pixels: float = 100.0
    equalise: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in PARAMETER_RANGES:
                continue
            low, high = PARAMETER_RANGES[field.name]
            kind: type[Any] = Integral if field.type is int else Real
            if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:  # NaN is not
                allowed = f"an integer {low} .. {high}" if kind is Integral else f"{low:g} .. {high:g}"
                raise ValueError(f"network parameter {field.name} is {value!r}; allowed: {allowed}")
        if not isinstance(self.normalise, bool):
            raise ValueError(f"network parameter normalise is {self.normalise!r}; allowed: True | False")
        if self.inhibition not in INHIBITION_KINDS:
            raise ValueError(
                f"network parameter inhibition is {self.inhibition!r}; allowed: {' | '.join(INHIBITION_KINDS)}"
            )
        if not self.e_inh_mv <= self.v_rest_mv < self.v_th_mv <= self.e_exc_mv:
            raise ValueError(
                "network parameters e_inh_mv, v_rest_mv, v_th_mv, e_exc_mv are "
                f"{self.e_inh_mv}, {self.v_rest_mv}, {self.v_th_mv}, {self.e_exc_mv}; "
                "allowed: e_inh_mv <= v_rest_mv < v_th_mv <= e_exc_mv"
            )
        if not self.v_rest_mv < self.inh_v_th_mv <= self.e_exc_mv:
            raise ValueError(
                f"network parameter inh_v_th_mv is {self.inh_v_th_mv}; "
                f"allowed: above v_rest_mv {self.v_rest_mv} and at most e_exc_mv {self.e_exc_mv}"
            )
