"""A deep network on Lava's CPU backend in fixed point: exported, loaded by netx, run under the watchdog.

Samples follow each other without a gap. A layer's neurons are reset when a sample's first spikes reach it, one step
later than the layer before: netx does that itself.
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.deep.export import export_netx
from lavaprune.deep.folding import FoldedLayer
from lavaprune.deep.requirements import quiet_import
from lavaprune.errors import InputError
from lavaprune.runtime.watchdog import run_guarded

# One run of Lava takes 2 s to set up, and must end within the time-out on a busy machine too.
_TIMEOUT_S = 600.0
_STEPS_AT_ONCE = 5_000
_STEPS_AT_ONCE_STOCK = 1_000
_INPUTS_AT_ONCE = 32_000_000  # 4 bytes each


@dataclass(frozen=True)
class LavaChoices:
    """How a network is put on Lava; its spikes are the same in every case.

    Attributes
    ----------
    sparse : bool
        Dense layers as Lava's Sparse Processes, which hold only weights other than 0.
    stock : bool
        All by Lava's own ProcessModels; else Conv and Sparse by ours, which add weights spike by spike.
    """

    sparse: bool = False
    stock: bool = False


def run_on_lava(
    layers: Sequence[FoldedLayer],
    spikes: npt.NDArray[np.uint8],
    record: Sequence[str] | None = None,
    choices: LavaChoices = LavaChoices(),
    on_samples: Callable[[int], None] | None = None,
) -> dict[str, npt.NDArray[np.uint8]]:
    """Run samples through a folded network on Lava.

    Parameters
    ----------
    layers : sequence of FoldedLayer
    spikes : (T, B, H, W, C) uint8
        Input, 0 or 1.
    record : sequence of str, optional
        Layers whose spikes are returned; default the last. Large layers take long to read (about 40 us per spike
        that could have been).
    choices : LavaChoices
    on_samples : callable, optional
        Told how many more have run.

    Returns
    -------
    dict of str to (T, B, H, W, C) uint8
        Spikes of the recorded layers; a dense layer is (T, B, 1, 1, units).

    Raises
    ------
    InputError
        A layer to record that there is not; see `export_netx`.
    RunError
        A Lava process failed or hung.
    """
    steps, samples = spikes.shape[:2]
    known = [layer.name for layer in layers]
    names = [known[-1]] if record is None else list(record)
    for name in names:
        if name not in known:
            raise InputError(f"layer to record is {name!r}; allowed: {' | '.join(known)}")
    most = _STEPS_AT_ONCE_STOCK if choices.stock else _STEPS_AT_ONCE
    most = min(most, _INPUTS_AT_ONCE // math.prod(layers[0].inputs))
    at_once = max(1, most // steps)
    parts = []
    with tempfile.TemporaryDirectory(prefix="lavaprune-") as folder:
        path = Path(folder, "network.net")
        export_netx(layers, path)
        for first in range(0, samples, at_once):
            shown = spikes[:, first : first + at_once]
            parts.append(_run(layers, path, shown, names, choices))
            if on_samples is not None:
                on_samples(shown.shape[1])
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in names}


def _run(
    layers: Sequence[FoldedLayer],
    path: Path,
    spikes: npt.NDArray[np.uint8],
    names: Sequence[str],
    choices: LavaChoices,
) -> dict[str, npt.NDArray[np.uint8]]:
    with quiet_import():
        from lava.lib.dl.netx import hdf5
    from lava.magma.core.run_conditions import RunSteps
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    steps, samples = spikes.shape[:2]
    total = steps * samples + len(layers)
    with contextlib.redirect_stdout(io.StringIO()):  # netx prints what it thinks of the weights
        network = hdf5.Network(
            net_config=str(path), reset_interval=steps, reset_offset=1, sparse_fc_layer=choices.sparse
        )
    stream = np.zeros((*layers[0].inputs[::-1], total), np.int32)  # (W, H, C, steps)
    shown = spikes.swapaxes(0, 1).reshape(steps * samples, *spikes.shape[2:])
    stream[..., : steps * samples] = shown.transpose(2, 1, 3, 0)
    if layers[0].kind == "dense":
        # netx flattens between layers only; weights are in the order C, H, W
        stream = stream.transpose(2, 1, 0, 3).reshape(-1, total)
    source = Source(data=stream)
    source.s_out.connect(network.inp)
    sinks = {}
    for index, (layer, process) in enumerate(zip(layers, network.layers, strict=True)):
        last = index + 1 == len(layers)
        if layer.name in names or last:
            port = network.out if last else process.out
            sinks[layer.name] = Sink(shape=port.shape, buffer=total)
            port.connect(sinks[layer.name].a_in)
    seen = run_guarded(
        source,
        RunSteps(num_steps=total),
        _run_config(choices),
        timeout_s=_TIMEOUT_S,
        read=lambda: {name: np.asarray(sinks[name].data.get()) for name in names},
    )
    found = {}
    for index, layer in enumerate(layers):
        if layer.name in names and seen is not None:
            # layer l works on input t at step t + l + 2, and step n is column n - 1
            first = index + 1
            values = seen[layer.name][..., first : first + steps * samples].astype(np.uint8)
            found[layer.name] = _in_our_order(values, layer, steps, samples)
    return found


def _run_config(choices: LavaChoices) -> Any:
    from lava.magma.core.run_configs import Loihi2SimCfg

    models = {} if choices.stock else _our_models()
    return Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)


@functools.cache
def _our_models() -> dict[Any, Any]:
    """ProcessModels by Process; their kernels are made ready here once, not in each of Lava's processes."""
    from lava.proc.conv.process import Conv
    from lava.proc.sparse.process import Sparse

    from lavaprune.proc_models.event_kernels import add_columns, add_kernels
    from lavaprune.proc_models.stock_conv import PyConvModelByEvents
    from lavaprune.proc_models.stock_sparse import PySparseModelByEvents

    one, line = np.zeros((1, 1, 1), np.int32), np.zeros(2, np.int32)
    add_kernels(one, one[None], 1, 1, 0, 0, one.copy())
    add_columns(np.zeros(1, bool), line, line, line, np.zeros(1, np.int64))
    return {Conv: PyConvModelByEvents, Sparse: PySparseModelByEvents}


def _in_our_order(values: npt.NDArray[np.uint8], layer: FoldedLayer, steps: int, samples: int) -> npt.NDArray[np.uint8]:
    """(T, B, H, W, C) from (W, H, C, steps) or (units, steps)."""
    columns, height, width = layer.outputs
    if layer.kind == "conv":
        by_step = values.transpose(3, 1, 0, 2)
    else:
        by_step = values.reshape(columns, -1).T.reshape(-1, height, width, columns)
    return by_step.reshape(samples, steps, height, width, columns).swapaxes(0, 1)
