"""Runs on Lava: training, labelling, testing, with checkpoints and metrics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.checkpoint import Checkpoint
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST
from lavaprune.runs import BEFORE_PRUNING, CHECKPOINT, IMAGE_SHAPE, RunFolder
from lavaprune.runtime.session import EngineSession
from lavaprune.runtime.supervisor import supervise
from lavaprune.settings import Settings
from lavaprune.training.control import inference_rows, pruning_schedule, training_rows, warn_of_no_event
from lavaprune.training.engines import open_session
from lavaprune.training.monitor import AccuracyEstimate
from lavaprune.training.presentation import chunk_ranges, image_counts
from lavaprune.training.progress import phase_bar
from lavaprune.training.readout import Labeller, classify
from lavaprune.training.result import build_result, inference_counters

_MV = 1.0 / 65536  # of a threshold's least significant bit
SPIKES = "spikes_since_metrics"  # of each neuron, (N,) int64: among a checkpoint's extras
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)  # over the neurons, of what metrics.jsonl says about each of them


def train(
    settings: Settings, data_dir: Path | None, out_dir: Path, resume: bool = False, progress: bool = False
) -> dict[str, Any]:
    """Train, prune, label and test one network on Lava; everything it leaves behind is in ``out_dir``.

    Parameters
    ----------
    settings : Settings
    data_dir : Path or None
        Root of the data sets; see `lavaprune.datasets.loader.load_dataset`.
    out_dir : Path
        The RUN folder: new, or with ``resume`` one that a run was begun in.
    resume : bool
        Continue from the checkpoint, to the same end to the bit.
    progress : bool
        Show progress bars where stderr is a terminal.

    Returns
    -------
    dict
        What ``result.json`` holds.

    Raises
    ------
    InputError
        Settings, data or folder are wrong.
    RunError
        The run failed; nothing of it is left running.
    """
    data = load_dataset(settings.dataset, data_dir).hold_out(settings.validation_images)
    images = image_counts(settings, data)
    run = RunFolder.open(out_dir) if resume else RunFolder.create(out_dir, settings)
    run.clear_unfinished()
    result = run.read_result() if resume else None
    if result is None:
        warn_of_no_event(settings, images["train_images"])
        result = supervise(_train, run, data, images, progress)
    if settings.pictures:
        _draw(run, data, result)
    return result


def evaluate(run_dir: Path, data_dir: Path | None, progress: bool = True) -> dict[str, Any]:
    """Label and test the network of a run once more, from its checkpoint; the folder is not changed."""
    run = RunFolder.open(run_dir)
    settings = run.settings
    data = load_dataset(settings.dataset, data_dir).hold_out(settings.validation_images)
    images = image_counts(settings, data)
    checkpoint = run.load_checkpoint(data.n_inputs, data.sha256())
    if checkpoint.next_sample < images["train_images"]:
        raise InputError(
            f"run folder {run_dir}: training stopped at image {checkpoint.next_sample} of {images['train_images']}; "
            "allowed: a finished training (lavaprune train --resume)"
        )
    return supervise(_evaluate, run, checkpoint, data, images, progress)


def _train(run: RunFolder, data: Dataset, images: dict[str, int], progress: bool) -> dict[str, Any]:
    settings = run.settings
    parameters = settings.network_parameters(data.n_inputs)
    data_sha256 = data.sha256()
    estimate = AccuracyEstimate(data.n_classes, settings.neurons)
    state, first, seconds_before = initial_state(parameters), 0, 0.0
    spikes = np.zeros(settings.neurons, np.int64)
    if run.has_checkpoint:
        checkpoint = run.load_checkpoint(data.n_inputs, data_sha256)
        state, first = checkpoint.network_state(), checkpoint.next_sample
        seconds_before = float(checkpoint.extras["train_seconds"])
        estimate.restore(dict(checkpoint.extras))
        spikes = checkpoint.extras.get(SPIKES, spikes).astype(np.int64)
    run.rewind_metrics(first)
    with open_session(settings, parameters, state, images["train_images"]) as session:
        trainer = _Trainer(run, data, images["train_images"], session, estimate, data_sha256)
        trainer.present(first, seconds_before, spikes, progress)
        result = _label_and_test(session, settings, data, images, trainer.seconds, progress)
    run.write_result(result)
    return result


def _draw(run: RunFolder, data: Dataset, result: dict[str, Any]) -> None:
    """Pictures of a finished run into its folder."""
    from lavaprune.plots.raster import record_image
    from lavaprune.plots.run_pictures import write_run_pictures

    state = run.load_checkpoint(data.n_inputs, data.sha256()).network_state()
    raster = record_image(run.settings.network_parameters(data.n_inputs), state, data.test_images[0])
    labels = np.array(result["neuron_labels"], np.int64)
    write_run_pictures(run.path, run.settings, state, result, run.read_metrics(), labels, raster, data.shape)


def _evaluate(
    run: RunFolder, checkpoint: Checkpoint, data: Dataset, images: dict[str, int], progress: bool
) -> dict[str, Any]:
    settings = run.settings
    parameters = settings.network_parameters(data.n_inputs)
    seconds = float(checkpoint.extras["train_seconds"])
    with open_session(settings, parameters, checkpoint.network_state()) as session:
        return _label_and_test(session, settings, data, images, seconds, progress)


class _Trainer:
    """The training phase: chunks in, metrics and checkpoints out."""

    def __init__(
        self,
        run: RunFolder,
        data: Dataset,
        n_images: int,
        session: EngineSession,
        estimate: AccuracyEstimate,
        data_sha256: str,
    ) -> None:
        self.run, self.data, self.n_images = run, data, n_images
        self.session, self.estimate, self.data_sha256 = session, estimate, data_sha256
        self.seconds = 0.0

    def present(self, first: int, seconds_before: float, spikes: np.ndarray, progress: bool) -> None:
        """Show the images from ``first`` on; ``spikes`` of each neuron since the last line of metrics."""
        settings = self.run.settings
        in_a_pass = self.n_images // settings.passes
        periods = (settings.metrics_images, settings.checkpoint_images, in_a_pass)
        events = () if settings.pruning.method == "none" else pruning_schedule(settings, self.n_images).event_images
        stops = [image - 1 for image in events[:1]]  # the last boundary before a pruning event: weights as learned
        began = time.perf_counter()
        with phase_bar("train", self.n_images, first, progress) as bar:
            for start, end in chunk_ranges(first, self.n_images, settings.metrics_images, periods, stops):
                control = training_rows(settings, start, end - start, self.n_images)
                begin = start % in_a_pass
                images = self.data.train_images[begin : begin + end - start]
                labels = self.data.train_labels[begin : begin + end - start]
                for rows, counts, _ in self.session.present(images, control):
                    self.estimate.add(counts, labels[rows])
                    spikes += counts.sum(axis=0, dtype=np.int64)
                    bar.advance(len(counts))
                self.seconds = seconds_before + time.perf_counter() - began
                if end % settings.metrics_images == 0 or end == self.n_images:
                    bar.advance(0, self._write_metrics(end, spikes))
                    spikes[:] = 0
                if end in stops:
                    self._write_checkpoint(end, spikes, BEFORE_PRUNING)
                if end % settings.checkpoint_images == 0 or end == self.n_images:
                    self._write_checkpoint(end, spikes)

    def _write_metrics(self, presented: int, spikes: np.ndarray) -> str:
        accuracy = self.estimate.close_interval()
        state = self.session.fetch_state()
        shown = presented % self.run.settings.metrics_images or self.run.settings.metrics_images
        self.run.append_metrics(
            {
                "sample": presented,
                "accuracy_estimate": accuracy,
                "spikes_per_image": float(spikes.sum() / shown),
                "active_neurons": int(np.count_nonzero(spikes)),
                "theta_mean_mv": float(state.theta.mean() * _MV),
                "theta_max_mv": float(state.theta.max() * _MV),
                "spikes_quantiles": (np.quantile(spikes, QUANTILES) / shown).tolist(),
                "theta_quantiles_mv": (np.quantile(state.theta, QUANTILES) * _MV).tolist(),
                "connectivity": state.connectivity,
                "nonzero_weights": state.nonzero_weights,
                "seconds": self.seconds,
            }
        )
        return "" if accuracy is None else f"accuracy about {accuracy:.1%}"

    def _write_checkpoint(self, next_sample: int, spikes: np.ndarray, name: str = CHECKPOINT) -> None:
        state = self.session.fetch_state()
        extras: dict[str, Any] = {
            **self.estimate.extras(),
            SPIKES: spikes,
            IMAGE_SHAPE: np.array(self.data.shape, np.int64),
            "train_seconds": np.float64(self.seconds),
        }
        checkpoint = Checkpoint.of_state(state, next_sample, extras)
        self.run.save_checkpoint(checkpoint, self.data_sha256, name)


def _label_and_test(
    session: EngineSession,
    settings: Settings,
    data: Dataset,
    images: dict[str, int],
    train_seconds: float,
    progress: bool,
) -> dict[str, Any]:
    labeller = Labeller(data.n_classes, settings.neurons)
    began = time.perf_counter()
    n_label = images["label_images"]
    with phase_bar("label", n_label, 0, progress) as bar:
        shown = session.present(data.train_images[:n_label], inference_rows(PHASE_LABEL, 0, n_label))
        for rows, counts, _ in shown:
            labeller.add(counts, data.train_labels[rows])
            bar.advance(len(counts))
    labelled = time.perf_counter()
    before = inference_counters(session.fetch_state().counters)
    neuron_labels = labeller.labels()
    confusion = np.zeros((data.n_classes, data.n_classes), np.int64)
    n_test = images["test_images"]
    with phase_bar("test", n_test, 0, progress) as bar:
        shown = session.present(data.test_images[:n_test], inference_rows(PHASE_TEST, 0, n_test))
        for rows, counts, _ in shown:
            answers = classify(counts, neuron_labels, data.n_classes)
            np.add.at(confusion, (data.test_labels[rows].astype(np.int64), answers), 1)
            bar.advance(len(counts), f"accuracy {np.trace(confusion) / max(1, confusion.sum()):.2%}")
    tested = time.perf_counter()
    state = session.fetch_state()
    return build_result(
        settings,
        state,
        accuracy=float(np.trace(confusion) / confusion.sum()),
        confusion=confusion,
        neuron_labels=neuron_labels,
        test_counters=inference_counters(state.counters) - before,
        images=images,
        seconds={"train": train_seconds, "label": labelled - began, "test": tested - labelled},
    )
