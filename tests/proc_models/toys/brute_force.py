"""Counting by brute force: plain Python over recorded spikes, one synapse and one neuron at a time.

It shares nothing with the engines but the integers that a network is quantised to. Which inputs and neurons spiked
when is taken from the recording; conductances, membranes and weights are followed in unbounded integers, since
whether a neuron is at rest and whether an update changed a weight depends on them.
"""

from __future__ import annotations

import math
from collections import Counter

from lavaprune.proc_models.quantisation import quantise
from lavaprune.processes.parameters import NetworkParameters

MASK = 2**64 - 1
DEPRESSION, POTENTIATION, NORMALISATION = 2, 3, 4  # streams of random draws


def mix(z: int) -> int:
    """SplitMix64's finaliser."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draw(seed: int, stream: int, phase: int, sample: int, index: int, ordinal: int) -> int:
    """64 random bits."""
    golden = 0x9E3779B97F4A7C15
    key = mix((mix(mix((seed + golden) & MASK) ^ (stream * 256 + phase)) + sample * golden) & MASK)
    return mix((key + index * golden + ordinal * 0xD1342543DE82EF95) & MASK)


def divide_toward_zero(x: int, y: int) -> int:
    return x // y if x >= 0 else -(-x // y)


def trace(steps_since: int | None, tau_ms: float) -> int:
    """Seven bits, set to 127 at the own spike; ties do not occur."""
    return 0 if steps_since is None else round(127 * math.exp(-steps_since / tau_ms))


class Neurons:
    """Membranes and conductances of N neurons, for telling which are at rest."""

    def __init__(self, n: int, v_rest: int, refractory_steps: int) -> None:
        self.v, self.g_exc, self.g_inh, self.refractory = [v_rest] * n, [0] * n, [0] * n, [0] * n
        self.v_rest, self.refractory_steps = v_rest, refractory_steps

    def is_active(self, i: int, exc: int, inh: int) -> bool:
        """Whether anything arrives, or anything was off rest before."""
        off_rest = self.v[i] != self.v_rest or self.g_exc[i] or self.g_inh[i] or self.refractory[i]
        return bool(exc or inh or off_rest)

    def step(self, i: int, exc: int, inh: int, decays: tuple[int, int], levels: tuple[int, int], leak: int) -> None:
        """One step; ``exc`` and ``inh`` are what arrives, in 2**-8 of a conductance's last bit."""
        e_exc, e_inh = levels
        g = self.g_exc[i] = min(self.g_exc[i] * decays[0] // 2**16 + exc // 2**8, 2**24 - 1)
        h = self.g_inh[i] = min(self.g_inh[i] * decays[1] // 2**16 + inh // 2**8, 2**24 - 1)
        v = self.v[i]
        drive = divide_toward_zero(g * (e_exc - v) + h * (e_inh - v), 2**14)
        drive = max(-(2**31), min(2**31 - 1, drive))
        moved = self.v_rest + divide_toward_zero((v - self.v_rest) * (2**22 - leak), 2**22)
        moved += divide_toward_zero(drive * leak, 2**22)
        self.v[i] = self.v_rest if self.refractory[i] else max(e_inh, min(e_exc, moved))
        self.refractory[i] = max(self.refractory[i] - 1, 0)

    def reset(self, i: int) -> None:
        """After a spike."""
        self.v[i], self.refractory[i] = self.v_rest, self.refractory_steps


class BruteForce:
    """One network; ``weights`` (lists of lists) follow the samples that `count` is called with.

    Parameters
    ----------
    p : NetworkParameters
    weights, conducts, plastic : lists of I lists of N integers
    """

    def __init__(
        self, p: NetworkParameters, weights: list[list[int]], conducts: list[list[int]], plastic: list[list[int]]
    ) -> None:
        self.p, self.q = p, quantise(p)
        self.weights, self.conducts, self.plastic = weights, conducts, plastic

    def count(
        self, row: list[int], inputs: list[list[int]], exc: list[list[int]], inh: list[list[int]]
    ) -> Counter[str]:
        """Count one sample.

        Parameters
        ----------
        row : list of int
            Its control row.
        inputs, exc, inh : lists of T lists
            The indices that spiked in each step. A spike of step t arrives in step t+1, unless the sample is over.
        """
        sample, phase, mu_pre, mu_post = row[:4]
        learns = phase == 1
        p, q, n = self.p, self.q, self.p.n_neurons
        counts: Counter[str] = Counter()
        neurons = Neurons(n, q.v_rest, q.refractory_steps)
        partners = Neurons(n, q.v_rest, q.inh_refractory_steps)
        last_arrival: list[int | None] = [None] * p.n_inputs
        last_spike: list[int | None] = [None] * n
        has_partners = p.inhibition == "interneurons"
        for t in range(p.steps):
            arriving, exc_before, inh_before = (x[t - 1] if t > 0 else [] for x in (inputs, exc, inh))
            inhibiting = inh_before if has_partners else exc_before
            sums = [sum(self.weights[j][i] for j in arriving) for i in range(n)]
            others = [sum(1 for source in inhibiting if source != i) for i in range(n)]
            counts["input_accumulations"] += sum(sum(self.conducts[j]) for j in arriving)
            counts["lateral_accumulations"] += sum(others)

            for j in arriving if learns else []:
                last_arrival[j] = t
                for i in range(n):
                    if not self.plastic[j][i]:
                        continue
                    y1 = trace(None if last_spike[i] is None else t - last_spike[i], p.tau_y1_ms)
                    random = draw(p.seed, DEPRESSION, phase, sample, j * n + i, t) >> 48
                    new = max(self.weights[j][i] - ((mu_pre * y1 // 2**8 + random) // 2**16), 0)
                    counts["depression_updates"] += 1
                    counts["depression_live"] += y1 > 0
                    counts["depression_changed"] += new != self.weights[j][i]
                    self.weights[j][i] = new

            for i in range(n):
                counts["exc_updates_active"] += neurons.is_active(i, sums[i], others[i])
                arrivals = sums[i] * q.gain_exc, others[i] * q.gain_inh
                neurons.step(i, *arrivals, (q.decay_ge_q16, q.decay_gi_q16), (q.e_exc, q.e_inh), q.leak_q22)
            counts["exc_updates_inactive"] = (t + 1) * n - counts["exc_updates_active"]
            if has_partners:
                counts["exc_inh_accumulations"] += len(exc_before)
                for i in range(n):
                    spikes = exc_before.count(i)
                    counts["inh_updates_active"] += partners.is_active(i, spikes, 0)
                    arrivals = spikes * q.inh_gain_exc, 0
                    partners.step(i, *arrivals, (q.decay_ge_q16, 0), (q.e_exc, q.e_inh), q.inh_leak_q22)
                    if i in inh[t]:
                        partners.reset(i)
                counts["inh_updates_inactive"] = (t + 1) * n - counts["inh_updates_active"]

            for i in exc[t]:
                neurons.reset(i)
                if learns:
                    self._potentiate(i, t, last_arrival, last_spike[i], mu_post, sample, counts)
                    last_spike[i] = t
        for name, spikes in (("input", inputs), ("exc", exc), ("inh", inh)):
            counts[f"{name}_spikes"] = sum(len(step) for step in spikes)
        if learns and p.normalise:
            for i in sorted({i for step in exc for i in step}):
                self._normalise(i, sample, counts)
        return counts

    def _potentiate(
        self,
        i: int,
        t: int,
        last_arrival: list[int | None],
        before: int | None,
        mu_post: int,
        sample: int,
        counts: Counter[str],
    ) -> None:
        p, n = self.p, self.p.n_neurons
        y2 = trace(None if before is None else t - before, p.tau_y2_ms)
        for j in range(p.n_inputs):
            if not self.plastic[j][i]:
                continue
            arrival = last_arrival[j]
            x = trace(None if arrival is None else t - arrival, p.tau_x_ms)
            random = draw(p.seed, POTENTIATION, 1, sample, j * n + i, t) >> 48
            new = min(self.weights[j][i] + ((mu_post * x * y2 // 2**8 + random) // 2**16), 255)
            counts["potentiation_updates"] += 1
            counts["potentiation_live"] += x > 0 and y2 > 0
            counts["potentiation_changed"] += new != self.weights[j][i]
            self.weights[j][i] = new

    def _normalise(self, i: int, sample: int, counts: Counter[str]) -> None:
        """One addition for each synapse that learns and, unless all are 0, one scaling."""
        p, n = self.p, self.p.n_neurons
        learning = [j for j in range(p.n_inputs) if self.plastic[j][i]]
        total = sum(self.weights[j][i] for j in learning)
        counts["normalisation_operations"] += len(learning) * (2 if total else 1)
        for j in learning if total else []:
            random = (draw(p.seed, NORMALISATION, 1, sample, j * n + i, 0) >> 32) * total // 2**32
            self.weights[j][i] = min((self.weights[j][i] * self.q.column_target + random) // total, 255)
