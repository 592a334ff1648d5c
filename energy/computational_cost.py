"""Section "Computational Cost" of Guo et al. 2020: normalised synaptic operations and the figure of merit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lavaprune.energy.errors import CountsError

Number = TypeVar("Number", float, npt.NDArray[np.float64])

CLEAR_ERRORS = 2.0
"""Standard errors that a loss must exceed before a figure of merit made of it says anything."""


@dataclass(frozen=True)
class RunCost:
    """What the section compares of one network.

    Attributes
    ----------
    training_sops : float or None
        Synaptic operations per training image (accumulations + STDP updates); None: it was not trained on a chip.
    inference_sops : float
        Synaptic operations per image (accumulations).
    accuracy : float
        Share of the test images, 0..1.
    test_images : int
        At least 1.
    """

    training_sops: float | None
    inference_sops: float
    accuracy: float
    test_images: int

    @property
    def total_sops(self) -> float:
        """Training, where it is counted, and inference together, per image."""
        return (self.training_sops or 0.0) + self.inference_sops


def normalised(sops: float, unpruned_sops: float) -> float:
    """Operations as a share of the unpruned network's; NaN where that has none."""
    return sops / unpruned_sops if unpruned_sops else math.nan


def figure_of_merit(loss: Number, normalised_total: Number, shift: float = 0.0) -> Number:
    """Accuracy loss x normalised total SOPs, in points: the lower, the better.

    It is 0 wherever the loss is, and negative where pruning gained accuracy, whatever the operations: a minimum of it
    means something only among losses above the noise (`is_clear`), or with some points added to every loss.

    Parameters
    ----------
    loss : float or array
        In points, against the unpruned network.
    normalised_total : float or array
        Training and inference SOPs as a share of the unpruned network's.
    shift : float
        Points added to the loss.
    """
    return (loss + shift) * normalised_total


def compare_costs(pruned: RunCost, unpruned: RunCost) -> dict[str, float | bool | None]:
    """Return the section's numbers for one pruned network beside its unpruned one.

    Returns
    -------
    dict
        ``training_normalised`` (None where training is not counted), ``inference_normalised``,
        ``total_normalised`` (shares), ``accuracy_loss_points``, ``loss_error_points`` (standard error as of independent
        test images: an upper estimate, since both networks see the same ones), ``figure_of_merit`` (points),
        ``loss_is_clear`` (the loss exceeds `CLEAR_ERRORS` of them).

    Raises
    ------
    CountsError
        If an accuracy is not in 0..1, there are no test images, the unpruned network did nothing, or only one
        network's training is counted.
    """
    for name, run in (("pruned", pruned), ("unpruned", unpruned)):
        if not 0 <= run.accuracy <= 1 or run.test_images < 1:
            raise CountsError(
                f"computational cost: {name} network has accuracy {run.accuracy!r} on {run.test_images!r} images; "
                "allowed: 0 .. 1 on at least 1"
            )
    if (pruned.training_sops is None) != (unpruned.training_sops is None):
        raise CountsError("computational cost: only one network's training is counted; allowed: both or none")
    for phase, sops in (("training", unpruned.training_sops), ("inference", unpruned.inference_sops)):
        if sops is not None and not sops > 0:
            raise CountsError(
                f"computational cost: unpruned network has {sops!r} SOPs in {phase}; allowed: above 0, to normalise by"
            )
    loss = 100 * (unpruned.accuracy - pruned.accuracy)
    error = 100 * math.sqrt(sum(run.accuracy * (1 - run.accuracy) / run.test_images for run in (pruned, unpruned)))
    total = normalised(pruned.total_sops, unpruned.total_sops)
    return {
        "training_normalised": (
            None
            if pruned.training_sops is None or unpruned.training_sops is None
            else normalised(pruned.training_sops, unpruned.training_sops)
        ),
        "inference_normalised": normalised(pruned.inference_sops, unpruned.inference_sops),
        "total_normalised": total,
        "accuracy_loss_points": loss,
        "loss_error_points": error,
        "figure_of_merit": figure_of_merit(loss, total),
        "loss_is_clear": is_clear(loss, error),
    }


def is_clear(loss: float, error: float) -> bool:
    """Whether a loss is above the noise; without a known error (NaN), whether there is a loss at all."""
    return loss > (CLEAR_ERRORS * error if math.isfinite(error) else 0.0)
