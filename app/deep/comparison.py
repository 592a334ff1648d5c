"""A trained network on Lava, held against itself: the same test images, spike for spike."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.deep.building import best_device
from lavaprune.deep.compaction import compact
from lavaprune.deep.data import DeepDataset
from lavaprune.deep.evaluation import TEST, chunks
from lavaprune.deep.finished import load_run
from lavaprune.deep.fixed_point import LavaChoices, run_on_lava
from lavaprune.deep.folding import fold_network
from lavaprune.deep.membrane import SPIKE_CODE
from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.settings import DeepSettings
from lavaprune.deep.testing import test_network
from lavaprune.errors import InputError
from lavaprune.training.progress import phase_bar


def evaluate_with_lava(
    path: Path, data_dir: Path | None, images: int, choices: LavaChoices, progress: bool = False
) -> dict[str, Any]:
    """Test the network of a finished run, its first test images on Lava too; the folder is not changed.

    Parameters
    ----------
    path, data_dir : Path
    images : int
        First test images that run on Lava.
    choices : LavaChoices
    progress : bool
    """
    folder, division, network, masks = load_run(path, data_dir)
    settings, data = folder.settings, division.data
    if images > len(data.test):
        raise InputError(f"--images is {images}; allowed: 1 .. {len(data.test)}, the test images of the run")
    on_lava = compare_with_lava(network, settings, data, images, choices, progress)
    network.to(best_device())
    result = test_network(network, masks, settings, data, progress)
    return result | {"epochs": settings.epochs, "fixed_point": on_lava}


def compare_with_lava(
    network: DeepNetwork,
    settings: DeepSettings,
    data: DeepDataset,
    images: int,
    choices: LavaChoices | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Run the compacted network on Lava, and compare the output's spikes with the whole network's, step by step.

    Lava gets the network without the units that `lavaprune.deep.compaction.compact` removes; what it is compared with
    has them all.
    """
    shown = [spikes for _, spikes in chunks(data.test.cut(slice(images)), settings.seed, TEST)]
    spikes = np.concatenate(shown, axis=1)
    whole = fold_network(network)
    compaction = compact(whole)
    output = whole[-1].name
    began = time.perf_counter()
    with phase_bar("Lava", images, 0, progress) as bar:
        found = run_on_lava(compaction.layers, spikes, choices=choices or LavaChoices(), on_samples=bar.advance)
    seconds = time.perf_counter() - began
    on_lava = found[output][:, :, 0, 0]
    answers = on_lava.sum(axis=0, dtype=np.int64).argmax(axis=1)
    return {
        "images": images,
        "accuracy": float((answers == data.test_labels[:images]).mean()),
        "output_spikes": int(on_lava.sum()),
        "mismatched_spikes": int((on_lava != _output_spikes(network, spikes)).sum()),
        "fits_24_bits": all(layer.fits for layer in whole),
        "removed_units": compaction.removed_units,
        "removed_synapses": compaction.removed_synapses,
        "seconds": seconds,
    }


def _output_spikes(network: DeepNetwork, spikes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(T, B, classes) 0 or 1, of the whole network as it trains, in pieces that fit the memory of a pass."""
    import torch

    pieces = torch.from_numpy(spikes).split(network.samples_at_once(len(spikes)), dim=1)
    codes = [network.run(piece.contiguous()).codes[-1] for piece in pieces]
    found: npt.NDArray[np.uint8] = (torch.cat(codes, dim=1) >= SPIKE_CODE).numpy().astype(np.uint8)
    return found
