"""A run's trained network as a network of stock Processes: folded, its gain found on training images, labelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError
from lavaprune.port.emulator import StockEmulator
from lavaprune.port.folding import PortSettings, fold
from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.runs import RunFolder
from lavaprune.training.offline import respond
from lavaprune.training.readout import Labeller, classify

GAIN_IMAGES = 500  # training images that the gain is found on
LABEL_IMAGES = 10_000  # at most; fewer where the run labels with fewer
GAIN_RANGE = (1 / 16, 16.0)
_HALVINGS = 14


@dataclass(frozen=True)
class Trained:
    """A run's network as it stands in its checkpoint, with the data it was trained on."""

    parameters: NetworkParameters
    state: NetworkState
    data: Dataset
    label_images: int


def load_trained(run_dir: Path, data_dir: Path | None) -> Trained:
    """Read a run's network and data.

    Raises
    ------
    InputError
        If it is no run, has no checkpoint yet, or the data are others.
    """
    run = RunFolder.open(run_dir)
    if not run.has_checkpoint:
        raise InputError(f"run folder {run_dir}: has no checkpoint; allowed: a run that has got as far as one")
    settings = run.settings
    data = load_dataset(settings.dataset, data_dir).hold_out(settings.validation_images)
    checkpoint = run.load_checkpoint(data.n_inputs, data.sha256())
    n_label = min(LABEL_IMAGES, data.count("label_images", settings.label_images, "train"))
    return Trained(settings.network_parameters(data.n_inputs), checkpoint.network_state(), data, n_label)


def stock_network(trained: Trained, settings: PortSettings) -> StockNetwork:
    """Make the stock network of a trained one; only training images are looked at.

    Raises
    ------
    InputError
        If it cannot be made: no neuron can fire, or a value is outside what Loihi has for it.
    """
    images = np.array(trained.data.train_images[: trained.label_images])
    try:
        gain = matching_gain(trained, settings, images[:GAIN_IMAGES])
        network = fold(trained.parameters, trained.state, settings, gain)
    except ValueError as error:
        raise InputError(str(error)) from None
    counts, _ = StockEmulator(network, trained.parameters).present(images, PHASE_LABEL)
    labeller = Labeller(trained.data.n_classes, network.n_neurons)
    labeller.add(counts, trained.data.train_labels[: len(images)])
    return replace(network, neuron_labels=labeller.labels())


def matching_gain(trained: Trained, settings: PortSettings, images: npt.NDArray[np.uint8]) -> float:
    """The gain at which the images cause `PortSettings.spike_ratio` times the spikes that they cause in the original.

    The number of spikes rises with the gain; it is halved down to where the ratio is met, within 1 in 2000.
    """
    original = respond(FusedEngine(trained.parameters, trained.state), images, PHASE_LABEL).sum()
    wanted = max(1.0, original * settings.spike_ratio)
    low, high = np.log(GAIN_RANGE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        network = fold(trained.parameters, trained.state, settings, float(np.exp(middle)))
        counts, _ = StockEmulator(network, trained.parameters).present(images, PHASE_LABEL)
        low, high = (middle, high) if counts.sum() < wanted else (low, middle)
    return float(np.exp((low + high) / 2))


def accuracy(network: StockNetwork, trained: Trained, part: str, n_images: int) -> float:
    """Share of the first images of a part of the data, ``train`` or ``test``, that the network gets right; 0..1."""
    images, labels, phase = {
        "train": (trained.data.train_images, trained.data.train_labels, PHASE_LABEL),
        "test": (trained.data.test_images, trained.data.test_labels, PHASE_TEST),
    }[part]
    counts, _ = StockEmulator(network, trained.parameters).present(np.array(images[:n_images]), phase)
    answers = classify(counts, network.neuron_labels, trained.data.n_classes)
    return float(np.mean(answers == labels[:n_images]))
