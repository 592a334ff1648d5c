"""Accuracy and synaptic operations of a network on given samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.deep.data import Samples
from lavaprune.deep.fanout import fan_out
from lavaprune.deep.membrane import SPIKE_CODE
from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.neuron_updates import active_updates

CHUNK = 100  # samples encoded together: part of what their input spikes depend on, so it never changes
EVALUATION = 1  # first number of the keys of spikes drawn here; training has 0
PROBE, VALIDATION, TEST = 0, 1, 2  # sets of samples, the `part` of `chunks`


@dataclass(frozen=True)
class Evaluation:
    """What a network did with some samples.

    Attributes
    ----------
    answers : (n,) int64
        Class of the output neuron with most spikes; of equal ones the first.
    counts : (n, classes) int64
        Spikes of the output neurons.
    spikes : dict of str to int
        Spikes of ``input`` and each layer.
    operations : dict of str to int
        Synaptic operations of each layer on the folded network, see `lavaprune.deep.fanout`.
    steps : int
        Of all samples together.
    active : dict of str to int
        Active neuron updates of each layer (`lavaprune.deep.neuron_updates`); empty unless asked for.
    """

    answers: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    spikes: dict[str, int]
    operations: dict[str, int]
    steps: int
    active: dict[str, int]

    def accuracy(self, labels: npt.NDArray[np.int64]) -> float:
        """Share of right answers."""
        return float((self.answers == labels).mean())


def chunks(samples: Samples, seed: int, part: int) -> Any:
    """Input spikes of all samples, `CHUNK` at a time: (first row, (T, B, H, W, C) uint8).

    What is drawn depends on the seed, on `part` (a number for each set of samples) and on the place in the set only.
    """
    for first in range(0, len(samples), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(samples)))
        yield first, samples.frames(rows, (seed, EVALUATION, part, first // CHUNK))


def evaluate_network(
    network: DeepNetwork,
    samples: Samples,
    seed: int,
    part: int,
    on_samples: Callable[[int], None] | None = None,
    updates: bool = False,
) -> Evaluation:
    """Show every sample once.

    Parameters
    ----------
    network : DeepNetwork
    samples : Samples
    seed, part : int
        See `chunks`.
    on_samples : callable, optional
        Told how many more have been shown.
    updates : bool
        Whether neuron updates are counted too.
    """
    import torch

    with torch.no_grad():
        passes = network.passes()
        fans = [fan_out(each) for each in passes]
        arrived = [torch.zeros(each.layer.inputs, dtype=torch.int64, device=network.device) for each in passes]
        sent = steps = 0
        active = [0] * len(passes)
        counts = np.empty((len(samples), network.layers[-1].spec.units), np.int64)
        for first, spikes in chunks(samples, seed, part):
            n = spikes.shape[1]
            piece = network.samples_at_once(len(spikes))
            for start in range(0, n, piece):
                shown = torch.from_numpy(np.ascontiguousarray(spikes[:, start : start + piece])).to(network.device)
                activity = network.run_passes(shown, passes)
                for total, each in zip(arrived, activity.inputs, strict=True):
                    total += each.sum(dim=(0, 1))
                steps += shown.shape[0] * shown.shape[1]
                if updates:
                    found_active = map(active_updates, passes, activity.inputs)
                    active = [a + b for a, b in zip(active, found_active, strict=True)]
                sent += int((activity.codes[-1] >= SPIKE_CODE).sum())
                found = activity.counts.cpu().numpy().astype(np.int64)
                counts[first + start : first + start + len(found)] = found
            if on_samples is not None:
                on_samples(n)
    names = [layer.spec.name for layer in network.layers]
    totals = [int(total.sum()) for total in arrived] + [sent]
    return Evaluation(
        answers=counts.argmax(axis=1).astype(np.int64),
        counts=counts,
        spikes=dict(zip(["input", *names], totals, strict=True)),
        operations={name: int((total * fan).sum()) for name, total, fan in zip(names, arrived, fans, strict=True)},
        steps=steps,
        active=dict(zip(names, active, strict=True)) if updates else {},
    )
