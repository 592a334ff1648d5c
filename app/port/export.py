"""``lavaprune export``: a run's network as an exchange file."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.errors import InputError
from lavaprune.port.folding import FORWARD_PORTS, LATERAL_PORTS, PortSettings
from lavaprune.port.netx_file import NOT_IN_NETX, write_netx
from lavaprune.port.nir_file import NOT_IN_NIR, write_nir
from lavaprune.port.porting import accuracy, load_trained, stock_network
from lavaprune.port.stock_network import StockNetwork


@dataclass(frozen=True)
class ExchangeFormat:
    """A file format: the stock networks that it can hold, its writer, and what it cannot express."""

    candidates: tuple[PortSettings, ...]
    write: Callable[[Path, StockNetwork, Mapping[str, Any]], None]
    not_expressed: tuple[str, ...]


FORMATS = {
    "netx": ExchangeFormat(FORWARD_PORTS, write_netx, NOT_IN_NETX),
    "nir": ExchangeFormat(LATERAL_PORTS, write_nir, NOT_IN_NIR),
}


def export_run(run_dir: Path, file_format: str, out: Path, data_dir: Path | None) -> dict[str, Any]:
    """Make the stock network of a run and write it, integer for integer.

    No exchange format has the trained network's conductances, so what is written is its port to current-based neurons
    (`lavaprune.port.folding`), which is found on training images and named as such in the file and in the result.

    Parameters
    ----------
    run_dir : Path
    file_format : {"netx", "nir"}
    out : Path
        The file, replaced if it exists.
    data_dir : Path or None
        As in `lavaprune.datasets.loader.load_dataset`.

    Returns
    -------
    dict
        ``file``, ``format``, ``network``, its size, ``training_accuracy`` (of the port, on the training images that its
        neurons were labelled with), ``weights_sha256`` (of the trained weights), ``version``, ``not_expressed``.

    Raises
    ------
    InputError
        An unknown format, a run without a network, a network without a port, a file that cannot be written.
    """
    if file_format not in FORMATS:
        raise InputError(f"format is {file_format!r}; allowed: {' | '.join(FORMATS)}")
    chosen = FORMATS[file_format]
    _require_writable(out)
    trained = load_trained(run_dir, data_dir)
    network = stock_network(trained, chosen.candidates)
    about = {
        "network": f"port to current-based neurons, {'lateral inhibition' if network.has_lateral else 'feed-forward'}",
        "source": "lavaprune",
        "version": importlib.metadata.version("lavaprune"),
        "dataset": trained.data.name,
        "seed": trained.parameters.seed,
        "weights_sha256": hashlib.sha256(np.ascontiguousarray(trained.state.weights).tobytes()).hexdigest(),
    }
    try:
        chosen.write(out, network, about)
    except OSError as error:
        raise InputError(f"output file {out}: cannot be written ({error.strerror or error})") from None
    return {
        "file": str(out),
        "format": file_format,
        **about,
        "inputs": network.n_inputs,
        "neurons": network.n_neurons,
        "training_accuracy": accuracy(network, trained, "train", trained.label_images),
        "nonzero_weights": float(np.count_nonzero(network.weights) / network.weights.size),
        "not_expressed": list(chosen.not_expressed),
    }


def _require_writable(out: Path) -> None:
    """Find out before the work whether there can be such a file."""
    try:
        possible = out.parent.is_dir() and not out.is_dir()
    except OSError as error:
        raise InputError(f"output file {out}: cannot be written ({error.strerror or error})") from None
    if not possible:
        raise InputError(f"output file {out}: cannot be written; allowed: a file in a folder that exists")
