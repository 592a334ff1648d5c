"""The network of a finished run, found again from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lavaprune.deep.building import build_network, build_structure
from lavaprune.deep.data import load_deep_dataset
from lavaprune.deep.division import Division, divide
from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.requirements import require_lava_dl
from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.errors import InputError

if TYPE_CHECKING:
    import torch


class of_this_network:
    """Turns what torch says about a state that does not fit into one line."""

    def __init__(self, folder: DeepRunFolder) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (RuntimeError, KeyError, ValueError, TypeError)):
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"run folder {self.folder.path}: checkpoint is of another network ({first}); "
                "allowed: one that this run has written"
            ) from None


def load_network(folder: DeepRunFolder, data_sha256: str | None = None) -> tuple[DeepNetwork, dict[str, torch.Tensor]]:
    """The network of a finished training that was tested, and its masks; needs no data.

    Raises
    ------
    InputError
        lava-dl is not installed, the run is not finished, or its checkpoint does not fit.
    """
    require_lava_dl()
    settings = folder.settings
    state = folder.load_checkpoint(data_sha256)
    with of_this_network(folder):
        if int(state["epochs_done"]) < settings.epochs:
            raise InputError(
                f"run folder {folder.path}: training stopped after epoch {state['epochs_done']} of {settings.epochs}; "
                "allowed: a finished training (lavaprune deep train --resume)"
            )
        height, width, channels = state["input_shape"]
        network = build_network(settings, (height, width, channels), state["n_classes"])
        structure = build_structure(settings, network, state["n_classes"])
        structure.load_state_dict(state["structure"])  # first: it writes the last masks into the blocks that hold them
        network.blocks.load_state_dict(state["best"]["network"] if state["best"] else state["network"])
        return network, dict(state["best"]["masks"]) if state["best"] else structure.masks


def load_run(path: Path, data_dir: Path | None) -> tuple[DeepRunFolder, Division, DeepNetwork, dict[str, torch.Tensor]]:
    """Open a finished training: folder, data, network and masks; see `load_network` and `divide`."""
    require_lava_dl()
    folder = DeepRunFolder.open(path)
    settings = folder.settings
    division = divide(settings, load_deep_dataset(settings.dataset, settings.steps, data_dir))
    return folder, division, *load_network(folder, division.data_sha256)
