"""What a finished run left in its RUN folder, read without its data and checked before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lavaprune.checkpoint import Checkpoint, load_checkpoint
from lavaprune.errors import InputError
from lavaprune.runs import BEFORE_PRUNING, CHECKPOINT, IMAGE_SHAPE, RESULT, RunFolder
from lavaprune.settings import Settings
from lavaprune.training.control import pruning_schedule
from lavaprune.training.result import weights_sha256

_MAX_SHOWN = 60  # characters of a wrong value

Count = Annotated[int, Field(ge=0, lt=2**63)]
Images = Annotated[int, Field(ge=1, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, lt=1e30)]
Text = Annotated[str, Field(max_length=200)]


class Part(BaseModel):
    """A part of ``result.json``: what is not named is left out, and nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


AnyPart = TypeVar("AnyPart", bound=Part)


class SopComponents(Part):
    """``sops.training`` and ``sops.inference``: events of a whole phase."""

    input: Count
    lateral: Count
    depression: Count
    potentiation: Count
    controller: Count


class Sops(Part):
    """``sops``: synaptic operations."""

    training_per_image: Amount
    inference_per_image: Amount
    training_per_image_without_lateral: Amount
    inference_per_image_without_lateral: Amount
    training: SopComponents
    inference: SopComponents


class Seconds(Part):
    """``seconds``: what each phase took."""

    train: Amount
    label: Amount
    test: Amount


class Result(Part):
    """The part of ``result.json`` that a report shows (see `training.result.build_result`)."""

    accuracy: Share
    connectivity: Share
    nonzero_weights: Share
    plastic_share: Share | None = None  # which older runs lack
    train_images: Images
    label_images: Count
    test_images: Images
    validation_images: Count = 0
    sops: Sops
    seconds: Seconds
    confusion: Annotated[list[list[Count]], Field(min_length=1)]
    neuron_labels: list[Annotated[int, Field(ge=-1, lt=2**31)]]
    weights_sha256: Text
    version: Text


@dataclass(frozen=True)
class Snapshot:
    """Weights at some moment of a run.

    Attributes
    ----------
    weights, conducts : numpy.ndarray, shape (I, N), uint8
    images : int
        Training images presented before.
    """

    weights: np.ndarray
    conducts: np.ndarray
    images: int


@dataclass(frozen=True)
class RunContents:
    """A run that has ended.

    Attributes
    ----------
    name : str
        Of the folder.
    settings : Settings
    result : Result
    metrics : list of dict
        Lines of ``metrics.jsonl`` in the order of the images; their values are not checked (`number`, `numbers`).
    shape : (int, int)
        Height and width of an image.
    after, before : Snapshot
        At the end of training, and before anything was pruned (or learned).
    theta : numpy.ndarray, shape (N,), int32
        Threshold adaptation after training, LSB 2**-16 mV.
    event_images : tuple of int
        Numbers of training images after which the network was pruned.
    """

    name: str
    settings: Settings
    result: Result
    metrics: list[dict[str, Any]]
    shape: tuple[int, int]
    after: Snapshot
    before: Snapshot
    theta: np.ndarray
    event_images: tuple[int, ...]

    @property
    def labels(self) -> np.ndarray:
        """Class of each neuron, -1 for none; (N,) int64."""
        return np.array(self.result.neuron_labels, np.int64)

    @property
    def confusion(self) -> np.ndarray:
        """Test images by true class (row) and answer (column); (classes, classes) int64."""
        return np.array(self.result.confusion, np.int64)


def read_contents(folder: Path) -> RunContents:
    """Read a RUN folder.

    Raises
    ------
    InputError
        If it is no run, has not ended, or one of its files is damaged or does not belong to the others.
    """
    run = RunFolder.open(folder)
    result = _read_result(run)
    after = load_checkpoint(folder / CHECKPOINT, None, run.settings.neurons)
    if weights_sha256(after.weights) != result.weights_sha256:
        raise InputError(f"{folder / CHECKPOINT}: its weights are not those of {RESULT}; allowed: one run's files")
    n_neurons = run.settings.neurons
    if len(result.neuron_labels) != n_neurons:
        raise InputError(
            f"{folder / RESULT}: neuron_labels has {len(result.neuron_labels)} entries; allowed: {n_neurons}"
        )
    schedule = pruning_schedule(run.settings, result.train_images)
    events = () if run.settings.pruning.method == "none" else schedule.event_images
    return RunContents(
        name=folder.resolve().name,
        settings=run.settings,
        result=result,
        metrics=in_order(run.read_metrics(), result.train_images),
        shape=_image_shape(after),
        after=Snapshot(after.weights, after.conducts, result.train_images),
        before=_before(folder, run.settings, after.weights.shape[0]),
        theta=after.theta,
        event_images=events,
    )


def number(line: Mapping[str, Any], key: str) -> float | None:
    """Return a finite number of a line of metrics, or None where there is none (older runs, or damage)."""
    return _finite(line.get(key))


def numbers(line: Mapping[str, Any], key: str, count: int) -> list[float] | None:
    """Return ``count`` finite numbers of a line of metrics, or None."""
    values = line.get(key)
    if not isinstance(values, list) or len(values) != count:
        return None
    found = [_finite(value) for value in values]
    return None if None in found else found  # type: ignore[return-value]


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e30:
        return None
    return float(value) if math.isfinite(value) else None


def _read_result(run: RunFolder) -> Result:
    path = run.path / RESULT
    result = checked_part(path, Result, run.read_final_result())
    n_classes = check_confusion(path, result.confusion)
    if any(label >= n_classes for label in result.neuron_labels):
        raise InputError(f"{path}: neuron_labels has {max(result.neuron_labels)}; allowed: -1 .. {n_classes - 1}")
    return result


def checked_part(path: Path, kind: type[AnyPart], content: Mapping[str, Any]) -> AnyPart:
    """Read a part of a file; InputError in one line where something is missing or wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        name = ".".join(map(str, finding["loc"]))
        shown = repr(finding["input"])
        shown = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."
        raise InputError(f"{path}: {name} is {shown}; allowed: {finding['msg']}") from None


def check_confusion(path: Path, confusion: list[list[int]]) -> int:
    """Return the number of classes; InputError if the matrix is not square."""
    n_classes = len(confusion)
    if any(len(row) != n_classes for row in confusion):
        raise InputError(f"{path}: confusion has {n_classes} rows of other lengths; allowed: classes x classes")
    return n_classes


def in_order(metrics: list[dict[str, Any]], n_images: int) -> list[dict[str, Any]]:
    """Lines of metrics up to so many images, without those that go back."""
    found, last = [], 0
    for line in metrics:
        if last < line["sample"] <= n_images:
            found.append(line)
            last = line["sample"]
    return found


def _image_shape(checkpoint: Checkpoint) -> tuple[int, int]:
    """As the run noted it; older runs did not: a square, or one row where the inputs make none."""
    n_inputs = checkpoint.weights.shape[0]
    noted = np.asarray(checkpoint.extras.get(IMAGE_SHAPE, ())).ravel().tolist()
    if len(noted) == 2 and min(noted) >= 1 and noted[0] * noted[1] == n_inputs:
        return int(noted[0]), int(noted[1])
    side = math.isqrt(n_inputs)
    return (side, side) if side * side == n_inputs else (1, n_inputs)


def _before(folder: Path, settings: Settings, n_inputs: int) -> Snapshot:
    """The weights before the first pruning event where the run kept them; else those that it started from."""
    path = folder / BEFORE_PRUNING
    if path.exists():
        kept = load_checkpoint(path, n_inputs, settings.neurons)
        return Snapshot(kept.weights, kept.conducts, kept.next_sample)
    from lavaprune.proc_models.initial_state import initial_state

    start = initial_state(settings.network_parameters(n_inputs))
    return Snapshot(start.weights, start.conducts, 0)
