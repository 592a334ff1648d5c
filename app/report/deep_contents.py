"""What a finished deep run left in its RUN folder, checked before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from lavaprune.deep.building import build_network
from lavaprune.deep.costs import DeepRunCosts, read_deep_costs
from lavaprune.deep.finished import load_network
from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.deep.settings import DeepSettings
from lavaprune.deep.testing import network_sha256
from lavaprune.errors import InputError
from lavaprune.report.contents import Amount, Count, Images, Part, Share, Text, check_confusion, checked_part, in_order
from lavaprune.runs import DEEP_CHECKPOINT, RESULT


class DeepSeconds(Part):
    """``seconds``: what each phase took."""

    train: Amount
    test: Amount


class DeepResult(Part):
    """The part of ``result.json`` that a report shows (see `deep.testing.test_network`)."""

    accuracy: Share
    connectivity: Share
    connectivity_per_layer: dict[Text, Share]
    sops_per_image: Amount
    sops_per_image_per_layer: dict[Text, Amount]
    confusion: Annotated[list[list[Count]], Field(min_length=1)]
    train_images: Images
    validation_images: Count
    test_images: Images
    epochs: Images
    epoch_tested: Count
    seconds: DeepSeconds
    device: Text
    weights_sha256: Text
    version: Text


@dataclass(frozen=True)
class LayerWeights:
    """A layer's weights at the start and in the network that was tested, in the units of the threshold of 0.5.

    Attributes
    ----------
    name : str
    before, after : numpy.ndarray, shape (n,), float32
        All weights; those that are left.
    """

    name: str
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True)
class DeepContents:
    """A deep run that has ended.

    Attributes
    ----------
    name : str
        Of the folder.
    settings : DeepSettings
    result : DeepResult
    metrics : list of dict
        Lines of ``metrics.jsonl`` in the order of the epochs; their values are not checked.
    costs : DeepRunCosts
    weights : list of LayerWeights
        From input to output.
    """

    name: str
    settings: DeepSettings
    result: DeepResult
    metrics: list[dict[str, Any]]
    costs: DeepRunCosts
    weights: list[LayerWeights]

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""
        return [layer.name for layer in self.weights]

    @property
    def confusion(self) -> np.ndarray:
        """Test images by true class (row) and answer (column); (classes, classes) int64."""
        return np.array(self.result.confusion, np.int64)


def read_deep_contents(folder: Path) -> DeepContents:
    """Read a deep RUN folder.

    Raises
    ------
    InputError
        If it is no finished deep run, or one of its files is damaged or does not belong to the others.
    """
    run = DeepRunFolder.open(folder)
    costs = read_deep_costs(folder)
    result = checked_part(folder / RESULT, DeepResult, run.read_final_result())
    check_confusion(folder / RESULT, result.confusion)
    network, masks = load_network(run)
    if network_sha256(network) != result.weights_sha256:
        raise InputError(f"{folder / DEEP_CHECKPOINT}: its weights are not those of {RESULT}; allowed: one run's files")
    return DeepContents(
        name=folder.resolve().name,
        settings=run.settings,
        result=result,
        metrics=in_order(run.read_metrics(), result.train_images * result.epochs),
        costs=costs,
        weights=_weights(run.settings, network, masks),
    )


def _weights(settings: DeepSettings, network: DeepNetwork, masks: dict[str, Any]) -> list[LayerWeights]:
    """First weights are drawn again: they are a function of the settings."""
    n_classes = network.layers[-1].spec.units
    first = build_network(settings, network.layers[0].source, n_classes)
    found = []
    for layer, before, after in zip(network.layers, first.acting()[0], network.acting()[0], strict=True):
        name = layer.spec.name
        kept = after if name not in masks else after[masks[name].reshape(after.shape).bool()]
        found.append(LayerWeights(name, *(each.detach().cpu().numpy().ravel() for each in (before, kept))))
    return found
