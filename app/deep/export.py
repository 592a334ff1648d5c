"""A deep network as a file that netx (lava-dl) loads: HDF5, integers only.

Layers are written as lava-dl's own blocks do, with biases, which those leave out. Pooling is folded
(`lavaprune.deep.folding`), because netx has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from lavaprune.deep.architectures import DECAY_BITS, KEPT
from lavaprune.deep.folding import FoldedLayer
from lavaprune.errors import InputError
from lavaprune.files import atomic_file


def export_netx(
    layers: Sequence[FoldedLayer], path: Path, kept: Mapping[str, npt.NDArray[np.bool_]] | None = None
) -> None:
    """Write a folded network atomically.

    Parameters
    ----------
    layers : sequence of FoldedLayer
    path : Path
        The HDF5 file; its folder must exist.
    kept : mapping of str to (units,) bool, optional
        Of a compacted network, which units of the whole one each layer has; their numbers become the dataset
        ``layer/<i>/units``, which netx passes over.

    Raises
    ------
    InputError
        The file cannot be written, or a layer has no weights left: netx cannot hold it.
    """
    for layer in layers:
        if not layer.weight.any():
            raise InputError(f"layer {layer.name!r}: has no weight that is not 0; allowed for netx: at least one")
    try:
        with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
            _write(file.create_group("layer"), layers, kept or {})
    except OSError as error:
        raise InputError(f"{path}: network cannot be written ({error.strerror or error})") from None


def export_deep_run(run: Path, file_format: str, out: Path, keep_units: bool = False) -> dict[str, Any]:
    """Write the network of a finished deep run for netx; needs no data; returns what was written, by layer.

    Load it with ``netx.hdf5.Network(out, reset_interval=steps, reset_offset=1)``: then every sample starts from rest.

    Parameters
    ----------
    run : Path
    file_format : {"netx"}
    out : Path
    keep_units : bool
        Write the whole network; else without the units that `lavaprune.deep.compaction.compact` removes.

    Raises
    ------
    InputError
        Another format than ``netx``; see `lavaprune.deep.finished.load_network` and `export_netx`.
    """
    if file_format != "netx":
        raise InputError(f"--format is {file_format!r}; allowed for a run of lavaprune deep: netx")
    from lavaprune.deep.compaction import compact
    from lavaprune.deep.finished import load_network
    from lavaprune.deep.folding import fold_network
    from lavaprune.deep.run_folder import DeepRunFolder

    network, _ = load_network(DeepRunFolder.open(run))
    whole = fold_network(network)
    compaction = None if keep_units else compact(whole)
    layers = compaction.layers if compaction else whole
    units = compaction.removed_units if compaction else {}
    synapses = compaction.removed_synapses if compaction else {}
    export_netx(layers, out, compaction.kept if compaction else None)
    return {
        "format": "netx",
        "file": str(out),
        "removed_units": sum(units.values()),
        "removed_synapses": sum(synapses.values()),
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "outputs": list(layer.outputs),
                "weights": layer.weight.size,
                "nonzero_weights": int(np.count_nonzero(layer.weight)),
                "removed_units": units.get(layer.name, 0),
                "removed_synapses": synapses.get(layer.name, 0),
                "threshold": layer.threshold,
                "fits_24_bits": layer.fits,
            }
            for layer in layers
        ],
    }


def _write(group: Any, layers: Sequence[FoldedLayer], kept: Mapping[str, npt.NDArray[np.bool_]]) -> None:
    number = 0

    def add(kind: str, shape: Sequence[int]) -> Any:
        nonlocal number
        handle = group.create_group(str(number))
        number += 1
        handle.create_dataset("type", (1,), "S10", [kind.encode("ascii")])
        handle.create_dataset("shape", data=np.array(shape))
        return handle

    add("input", layers[0].inputs)
    flat = False
    for layer in layers:
        if layer.kind == "dense" and not flat:
            add("flatten", [int(np.prod(layer.inputs)), 1, 1])
            flat = True
        handle = add(layer.kind, layer.outputs if layer.kind == "conv" else [layer.outputs[0]])
        handle.create_dataset("inFeatures", data=layer.weight.shape[1])
        handle.create_dataset("outFeatures", data=layer.weight.shape[0])
        handle.create_dataset("bias", data=layer.bias.astype(np.float32))
        if layer.kind == "conv":
            handle.create_dataset("weight", data=layer.weight[..., None].astype(np.float32), compression="gzip")
            for name, size in (
                ("kernelSize", layer.weight.shape[2]),
                ("stride", layer.stride),
                ("padding", layer.padding),
                ("dilation", 1),
            ):
                handle.create_dataset(name, data=np.array([size, size]))
            handle.create_dataset("groups", data=1)
        else:
            handle.create_dataset("weight", data=layer.weight.astype(np.float32), compression="gzip")
        if layer.name in kept:
            handle.create_dataset("units", data=np.flatnonzero(kept[layer.name]).astype(np.int32))
        neuron = {
            "iDecay": 1 << DECAY_BITS,
            "vDecay": (1 << DECAY_BITS) - KEPT,
            "vThMant": layer.threshold,
            "refDelay": 1,
            "gradedSpike": False,
        }
        handle.create_dataset("neuron/type", data="CUBA")
        for name, value in neuron.items():
            handle.create_dataset(f"neuron/{name}", data=value)
