"""`lavaprune deep train`: epochs, metrics, checkpoints, result."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lavaprune.deep.architectures import place_layers
from lavaprune.deep.augmentation import check_shift, shifted
from lavaprune.deep.building import best_device, build_network, build_structure
from lavaprune.deep.data import load_deep_dataset
from lavaprune.deep.division import Division, divide
from lavaprune.deep.evaluation import PROBE, VALIDATION, Evaluation, evaluate_network
from lavaprune.deep.finished import of_this_network
from lavaprune.deep.requirements import require_lava_dl
from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.deep.settings import DeepSettings
from lavaprune.deep.testing import connectivity, connectivity_per_layer, test_network
from lavaprune.errors import InputError, RunError
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.structural.plasticity import EpochChange
from lavaprune.training.progress import phase_bar

if TYPE_CHECKING:
    import torch

TRAINING = 0  # first number of the keys of spikes drawn here
_PROBE_IMAGES = 1000


def train_deep(
    settings: DeepSettings, data_dir: Path | None, out: Path, resume: bool = False, progress: bool = False
) -> dict[str, Any]:
    """Train and prune a network; everything it leaves behind is in the RUN folder `out`.

    Parameters
    ----------
    settings : DeepSettings
    data_dir : Path or None
        See `load_deep_dataset`.
    out : Path
        New, or with `resume` a run that was begun.
    resume : bool
        Continue from the checkpoint, to the same end to the bit on the same machine. A finished run without counts of
        its events (of an older version) is tested again.
    progress : bool
        Show progress bars where stderr is a terminal.

    Returns
    -------
    dict
        What ``result.json`` holds.

    Raises
    ------
    InputError
        Settings, data or folder are wrong, or lava-dl is not installed.
    RunError
        The training has diverged.
    """
    require_lava_dl()
    data = divide(settings, load_deep_dataset(settings.dataset, settings.steps, data_dir))
    place_layers(settings.network, data.data.shape, data.data.n_classes)  # says what does not fit before a run exists
    check_shift(settings.shift_pixels, data.data.shape, data.data.name)
    run = DeepRunFolder.open(out) if resume else DeepRunFolder.create(out, settings)
    run.clear_unfinished()
    result = run.read_result() if resume else None
    if result is not None and "counts" in result:  # without: of an older version, and is tested again
        return result
    try:
        return _Trainer(run, data).run(progress)
    except PruningError as error:
        raise InputError(f"run folder {out}: {error}") from None


def learning_rate(settings: DeepSettings, epoch: int) -> float:
    """Learning rate of an epoch: a tenth after each drop, a half cosine to 0, or constant."""
    first = settings.optimiser.rate
    if settings.optimiser.schedule == "step":
        return first * 0.1 ** math.floor(epoch * settings.optimiser.drops / settings.epochs + 1e-9)
    if settings.optimiser.schedule == "cosine":
        return first * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
    return first


def order_of(seed: int, epoch: int, n: int) -> npt.NDArray[np.int64]:
    """The order in which an epoch shows its n training samples: a function of seed and epoch alone.

    The epoch stands in the counter's highest word. In the lowest it would shift one and the same stream by a block per
    epoch, and successive orders would nearly agree.
    """
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, epoch])).permutation(n)


class _Trainer:
    def __init__(self, run: DeepRunFolder, division: Division) -> None:
        import torch

        self.folder, self.settings, self.division, self.data = run, run.settings, division, division.data
        self.network = build_network(self.settings, self.data.shape, self.data.n_classes).to(best_device())
        self.structure = build_structure(self.settings, self.network, self.data.n_classes)
        chosen = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.settings.optimiser.kind]
        self.optimiser = chosen(
            self.network.blocks.parameters(),
            lr=self.settings.optimiser.rate,
            weight_decay=self.settings.optimiser.weight_decay,
        )
        self.next_epoch, self.seconds = 0, 0.0
        self.best: dict[str, Any] = {}

    def run(self, progress: bool) -> dict[str, Any]:
        """Train from the checkpoint, if there is one, to the end; test; write the result."""
        if self.folder.has_checkpoint:
            self._restore()
        self.folder.rewind_metrics(self.next_epoch * len(self.data.train))
        n = len(self.data.train)
        with phase_bar("train", n * self.settings.epochs, n * self.next_epoch, progress) as bar:
            for epoch in range(self.next_epoch, self.settings.epochs):
                began = time.perf_counter()
                loss, right = self._epoch(epoch, bar)
                change = self.structure.end_epoch(epoch)
                trained = time.perf_counter()
                self.seconds += trained - began
                probe = self._probe()
                line = self._metrics(epoch, loss, right, change, probe, trained - began)
                self.folder.append_metrics(line)
                bar.advance(0, f"accuracy {line['accuracy']:.2%}, connectivity {line['connectivity']:.1%}")
                self._remember(epoch, float(line["accuracy"]))
                self.next_epoch = epoch + 1
                if self.next_epoch % self.settings.checkpoint_epochs == 0 or self.next_epoch == self.settings.epochs:
                    self._save()
        if self.best:
            self.network.blocks.load_state_dict(self.best["network"])
        result = test_network(self.network, self._masks(), self.settings, self.data, progress)
        result |= {
            "epochs": self.settings.epochs,
            "epoch_tested": self.best.get("epoch", self.settings.epochs - 1),
            "seconds": {"train": self.seconds, "test": result["seconds"]["test"]},
        }
        self.folder.write_result(result)
        return result

    def _epoch(self, epoch: int, bar: Any) -> tuple[float, float]:
        """One pass over the training samples in a new order: mean loss and share of right answers."""
        import torch

        settings, n = self.settings, len(self.data.train)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(settings, epoch)
        order = order_of(settings.seed, epoch, n)
        device, n_classes = self.network.device, self.data.n_classes
        total, right = torch.zeros((), device=device), torch.zeros((), device=device)
        for number, first in enumerate(range(0, n, settings.batch)):
            rows = order[first : first + settings.batch]
            key = (settings.seed, TRAINING, epoch, number)
            spikes = torch.from_numpy(shifted(self.data.train.frames(rows, key), settings.shift_pixels, key))
            labels = torch.from_numpy(self.data.train_labels[rows]).to(device)
            counts = self.network.forward(spikes.to(device))
            target = torch.nn.functional.one_hot(labels, n_classes).float()
            loss = torch.nn.functional.mse_loss(counts / settings.steps, target)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            self.optimiser.step()
            self.structure.after_step()
            total += loss.detach() * len(rows)
            right += (counts.argmax(dim=1) == labels).sum()
            bar.advance(len(rows))
        mean = float(total) / n
        if not math.isfinite(mean):
            raise RunError(f"epoch {epoch}: the loss is {mean}: training has diverged (optimiser.rate is too high?)")
        return mean, float(right) / n

    def _probe(self) -> Evaluation:
        """The network on what is looked at after each epoch: validation images, or the first training images."""
        if self.division.validation is not None:
            return evaluate_network(self.network, self.division.validation, self.settings.seed, VALIDATION)
        return evaluate_network(self.network, self.data.train.cut(slice(_PROBE_IMAGES)), self.settings.seed, PROBE)

    def _metrics(
        self, epoch: int, loss: float, right: float, change: EpochChange, probe: Evaluation, seconds: float
    ) -> dict[str, Any]:
        validated = self.division.validation is not None
        labels = self.division.validation_labels if validated else self.data.train_labels[:_PROBE_IMAGES]
        layers = connectivity_per_layer(self.network, self._masks())
        return {
            "sample": (epoch + 1) * len(self.data.train),
            "epoch": epoch,
            "accuracy": probe.accuracy(labels),
            "accuracy_on": "validation" if validated else "training",
            "training_accuracy": right,
            "loss": loss,
            "connectivity": connectivity(self.network, self._masks()),
            "connectivity_per_layer": layers,
            "pruned": change.pruned,
            "regrown": change.regrown,
            "rates": dict(getattr(self.structure, "rates", {})),
            "sops_per_image": sum(probe.operations.values()) / len(probe.answers),
            "learning_rate": learning_rate(self.settings, epoch),
            "seconds": seconds,
        }

    def _remember(self, epoch: int, accuracy: float) -> None:
        """Keep the best network of the last tenth of the training; of equal ones the last."""
        if self.settings.select != "validation" or epoch < self.settings.epochs - max(1, self.settings.epochs // 10):
            return
        if accuracy >= self.best.get("accuracy", -1.0):
            self.best = {
                "epoch": epoch,
                "accuracy": accuracy,
                "network": {name: value.cpu().clone() for name, value in self.network.blocks.state_dict().items()},
                "masks": {name: mask.cpu().clone() for name, mask in self.structure.masks.items()},
            }

    def _masks(self) -> dict[str, torch.Tensor]:
        if self.best and self.next_epoch == self.settings.epochs:
            found: dict[str, torch.Tensor] = self.best["masks"]
            return found
        return self.structure.masks

    def _save(self) -> None:
        self.folder.save_checkpoint(
            {
                "epochs_done": self.next_epoch,
                "seconds": self.seconds,
                "network": self.network.blocks.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "structure": self.structure.state_dict(),
                "best": self.best,
                "input_shape": list(self.data.shape),
                "n_classes": self.data.n_classes,
            },
            self.division.data_sha256,
        )

    def _restore(self) -> None:
        state = self.folder.load_checkpoint(self.division.data_sha256)
        with of_this_network(self.folder):
            self.network.blocks.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.structure.load_state_dict(state["structure"])
            self.best = state["best"]
            self.next_epoch, self.seconds = int(state["epochs_done"]), float(state["seconds"])
