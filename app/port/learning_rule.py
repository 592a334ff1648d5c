"""Triplet STDP as a sum of products, the form that Loihi's learning engine takes, in Lava's three-factor rule.

``dw = -A x0 y1 + B y0 x1 y2``: at an input's spike (x0) the weight falls by the neuron's fast trace y1, at the neuron's
(y0) it rises by the input's trace x1 and the slow trace y2 *from before the spike* (Guo et al. 2020, Eq. 4). A rule of
two factors reads y2 after its own impulse, which makes pairs of the triplets; in `Loihi3FLearningRule` the neuron sends
y1 and y2 itself, so y2 can be the old one.

Widths (lava/magma/core/learning/constants.py, learning_rule_applier.py): traces 0..127; a product of factors of ``b``
bits together and a mantissa of 4 is shifted right by ``max(0, b + 4 - 15)``; the weight is held in 2**-7 and rounded
stochastically. So a scaling factor ``m 2**k`` (m = 1..7, k = -7..8) is worth ``m 2**k`` weight steps per unit of one
trace, and ``m 2**(k - 3)`` per unit of the product of two. Lower rates come from smaller traces of the neuron: what y1
and y2 are right after a spike (their impulse) need not be 127, nor whole. The neuron sends them rounded
stochastically, as Loihi's own traces are, which is right in the mean, and noisy where the impulse is small.
"""

from __future__ import annotations

from dataclasses import dataclass

from lava.magma.core.learning.learning_rule import Loihi3FLearningRule

from lavaprune.proc_models.fixed_point import TRACE_MAX, WEIGHT_MAX
from lavaprune.processes.parameters import NetworkParameters

MANTISSAS = range(1, 8)
EXPONENTS = range(-7, 9)
TRACE_BITS, MANTISSA_BITS, ACCUMULATOR_BITS = 7, 4, 15


@dataclass(frozen=True)
class ThreeFactorRule:
    """A learning rule for Lava, and what its neurons and settings have to be.

    Attributes
    ----------
    dw : str
        The sum of products.
    x1_impulse, y1_impulse, y2_impulse : float
        Values of the traces right after a spike, at most 127; they are set, not added to.
    x1_tau_ms, y1_tau_ms, y2_tau_ms : float
    """

    dw: str
    x1_impulse: int
    x1_tau_ms: float
    y1_impulse: float
    y1_tau_ms: float
    y2_impulse: float
    y2_tau_ms: float

    def lava_rule(self, rng_seed: int | None = None) -> Loihi3FLearningRule:
        """The rule for a `LearningDense`; y1 and y2 come from the neurons, through ``s_in_y1`` and ``s_in_y2``."""
        return Loihi3FLearningRule(
            dw=self.dw, x1_impulse=self.x1_impulse, x1_tau=self.x1_tau_ms, t_epoch=1, rng_seed=rng_seed
        )


def three_factor_rule(parameters: NetworkParameters, factor: float = 1.0) -> ThreeFactorRule:
    """Render a network's learning rule; ``factor`` multiplies both rates, as annealing does.

    Raises
    ------
    ValueError
        If a rate is above what Loihi's scaling factors reach.
    """
    p = parameters
    fall, y1_impulse = _scaling("mu_pre", p.mu_pre * factor * WEIGHT_MAX, 1)
    rise, y2_impulse = _scaling("mu_post", p.mu_post * factor * WEIGHT_MAX, 2)
    return ThreeFactorRule(
        dw=f"-{fall}*x0*y1 + {rise}*y0*x1*y2",
        x1_impulse=TRACE_MAX,
        x1_tau_ms=p.tau_x_ms,
        y1_impulse=y1_impulse,
        y1_tau_ms=p.tau_y1_ms,
        y2_impulse=y2_impulse,
        y2_tau_ms=p.tau_y2_ms,
    )


def _scaling(name: str, wanted: float, n_traces: int) -> tuple[str, float]:
    """Scaling factor and impulse of the neuron's trace for a change, in weight steps, at full traces.

    The smallest factor with which the impulse is at most 127: the finest trace. The input's trace, if any, is at 127.
    """
    shift = max(0, n_traces * TRACE_BITS + MANTISSA_BITS - ACCUMULATOR_BITS)
    for unit, mantissa, exponent in sorted((m * 2.0**k, m, k) for k in EXPONENTS for m in MANTISSAS):
        impulse = wanted / (unit * 2.0**-shift * TRACE_MAX ** (n_traces - 1))
        if impulse <= TRACE_MAX:
            return (f"2^{exponent}" if mantissa == 1 else f"{mantissa}*2^{exponent}"), impulse
    raise ValueError(
        f"learning rule: {name} changes a weight by {wanted:.4g} steps at full traces; "
        f"allowed: up to {wanted * TRACE_MAX / impulse:.4g}"
    )
