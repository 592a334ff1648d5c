"""A run's trained network as a network of stock Processes: folded, its gain found on training images, labelled."""

from __future__ import annotations

from collections.abc import Sequence
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
CHOICE_IMAGES = 4000  # training images that the candidates are compared on
CLEAR_GAIN = 0.01  # share of images; about the standard error of the comparison
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


def stock_network(trained: Trained, candidates: Sequence[PortSettings]) -> StockNetwork:
    """Make the stock network of a trained one; only training images are looked at.

    Each of the candidates is labelled on three quarters of the first `CHOICE_IMAGES` training images and classifies the
    rest; the first is taken unless another gets `CLEAR_GAIN` more of them right.

    Parameters
    ----------
    trained : Trained
    candidates : sequence of PortSettings

    Raises
    ------
    InputError
        If none can be made: no neuron can fire, or a value is outside what Loihi has for it.
    """
    networks, problems = [], []
    for settings in candidates:
        try:
            networks.append(fold(trained.parameters, trained.state, settings, matching_gain(trained, settings)))
        except ValueError as error:
            problems.append(str(error))
    if not networks:
        raise InputError(problems[0])
    best = networks[0]
    if len(networks) > 1:
        shares = [_share_right(trained, network) for network in networks]
        if max(shares) >= shares[0] + CLEAR_GAIN:
            best = networks[int(np.argmax(shares))]
    images = np.array(trained.data.train_images[: trained.label_images])
    counts, _ = StockEmulator(best, trained.parameters).present(images, PHASE_LABEL)
    return replace(best, neuron_labels=_labels(trained, counts))


def _labels(trained: Trained, counts: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Labels of the neurons by what they answered to the first training images."""
    labeller = Labeller(trained.data.n_classes, counts.shape[1])
    labeller.add(counts, trained.data.train_labels[: len(counts)])
    return labeller.labels()


def _share_right(trained: Trained, network: StockNetwork) -> float:
    images = np.array(trained.data.train_images[: min(CHOICE_IMAGES, trained.label_images)])
    counts, _ = StockEmulator(network, trained.parameters).present(images, PHASE_LABEL)
    n_label = max(1, len(counts) * 3 // 4)
    answers = classify(counts, _labels(trained, counts[:n_label]), trained.data.n_classes)
    right = answers == trained.data.train_labels[: len(counts)]
    return float(np.mean(right[n_label:])) if len(counts) > n_label else float(np.mean(right))


def matching_gain(trained: Trained, settings: PortSettings) -> float:
    """The gain at which training images cause `PortSettings.spike_ratio` times the spikes that the original fires.

    The number of spikes rises with the gain, whose range is halved until it is known within 1 in 2000.
    """
    images = np.array(trained.data.train_images[: min(GAIN_IMAGES, trained.label_images)])
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
