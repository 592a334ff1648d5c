"""What the sweep's table cannot give: a network's course and its weights. Run in this process, kept as arrays."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from lavaprune.datasets.dataset import Dataset
from lavaprune.files import write_bytes
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.processes.control import PHASE_LABEL
from lavaprune.settings import Settings
from lavaprune.training.offline import respond, train_offline
from lavaprune.training.readout import Labeller

FOLDER = "arrays"
STRETCHES = 12  # of 5,000 images each in 60,000
_NEVER = 10**9

Arrays = Mapping[str, np.ndarray]


def kept(out: Path, name: str, settings: Settings, data: Dataset, make: Callable[[], Arrays]) -> Arrays:
    """Arrays made before for these settings and data, or made now and kept in ``out/arrays``.

    Parameters
    ----------
    out : Path
    name : str
        Of the kind of arrays.
    settings : Settings
    data : Dataset
    make : callable
        Returns the arrays, numbers only.
    """
    key = hashlib.sha256(f"{name} {settings.sha256()} {data.sha256()}".encode()).hexdigest()[:16]
    path = out / FOLDER / f"{name}-{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {each: archive[each] for each in archive.files}
    except FileNotFoundError:
        pass
    except Exception:  # damaged, by zipfile, zlib or NumPy: made anew
        path.unlink(missing_ok=True)
    arrays = dict(make())
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    write_bytes(path, stream.getvalue())
    return arrays


def development(settings: Settings, data: Dataset) -> Arrays:
    """How an unpruned network develops, in 12 stretches of its training.

    Returns
    -------
    images : (12,) int64
        Images trained at the end of each stretch.
    counts : (12, N) int64
        Spikes of each neuron in the stretch.
    dw_mean, dw_variance, dw_size : (12,) float64
        Over all synapses, the change of the weight from the stretch's begin to its end, share of w_max: mean,
        variance, and mean of its absolute value.
    """
    # batches that never end: the counts run on, and an unpruned network does not see them
    never = settings.pruning.model_copy(update={"method": "none", "start": _NEVER, "batch": _NEVER})
    settings = settings.model_copy(update={"pruning": never})
    n_images = data.count("train_images", settings.train_images)
    ends = [n_images * (stretch + 1) // STRETCHES for stretch in range(STRETCHES)]
    engine: FusedEngine | None = None
    before, counted, first = np.zeros((0, 0)), np.zeros(settings.neurons, np.int64), 0
    counts, changes = [], []
    for end in ends:
        if engine is None:
            engine = train_offline(settings, data, n_images, last=0)
            before = engine.weights.astype(float) / 255
        engine = train_offline(settings, data, n_images, engine=engine, first=first, last=end)
        after = engine.weights.astype(float) / 255
        change = after - before
        changes.append((change.mean(), change.var(), np.abs(change).mean()))
        counts.append(engine.batch_counts - counted)
        before, counted, first = after, engine.batch_counts.copy(), end
    mean, variance, size = np.array(changes).T
    return {
        "images": np.array(ends, np.int64),
        "counts": np.stack(counts),
        "dw_mean": mean,
        "dw_variance": variance,
        "dw_size": size,
    }


def trained_maps(settings: Settings, data: Dataset) -> Arrays:
    """Weights and ``conducts``, (I, N) uint8, and labels, (N,) int64, of a trained and labelled network."""
    engine = train_offline(settings, data, data.count("train_images", settings.train_images))
    n_label = data.count("label_images", settings.label_images)
    labeller = Labeller(data.n_classes, settings.neurons)
    labeller.add(respond(engine, data.train_images[:n_label], PHASE_LABEL), data.train_labels[:n_label])
    weights, conducts, _ = engine.synapses()
    return {"weights": weights.copy(), "conducts": conducts.copy(), "labels": np.asarray(labeller.labels(), np.int64)}
