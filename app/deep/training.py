"""`lavaprune deep train` and `deep evaluate`: epochs, metrics, checkpoints, result."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lavaprune.deep.architectures import place_layers
from lavaprune.deep.data import DeepDataset, Samples, load_deep_dataset
from lavaprune.deep.evaluation import Evaluation, chunks, evaluate_network
from lavaprune.deep.membrane import SPIKE_CODE
from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.requirements import require_lava_dl
from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.deep.settings import DeepSettings
from lavaprune.errors import InputError, RunError
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.structural.plasticity import EpochChange, StructuralPlasticity
from lavaprune.pruning.structural.registry import build_plasticity
from lavaprune.training.progress import phase_bar

if TYPE_CHECKING:
    import torch

TRAINING = 0  # first number of the keys of spikes drawn here
PROBE, VALIDATION, TEST = 0, 1, 2  # sets of samples, see `lavaprune.deep.evaluation.chunks`
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
        Continue from the checkpoint, to the same end to the bit on the same machine.
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
    run = DeepRunFolder.open(out) if resume else DeepRunFolder.create(out, settings)
    run.clear_unfinished()
    result = run.read_result() if resume else None
    if result is not None:
        return result
    try:
        return _Trainer(run, data).run(progress)
    except PruningError as error:
        raise InputError(f"run folder {out}: {error}") from None


@dataclasses.dataclass(frozen=True)
class Division:
    """A data set as a run uses it.

    Attributes
    ----------
    data : DeepDataset
        With the training samples that are learned from, and the test samples.
    validation : Samples or None
    validation_labels : (n,) int64
    data_sha256 : str
    """

    data: DeepDataset
    validation: Samples | None
    validation_labels: npt.NDArray[np.int64]
    data_sha256: str


def divide(settings: DeepSettings, data: DeepDataset) -> Division:
    """Keep the last training images for validation, and cut both parts to the numbers asked for.

    Raises
    ------
    InputError
        If there are fewer.
    """
    digest = data.sha256()
    most = len(data.train) - 1
    held = settings.validation_images
    if held > most:
        raise InputError(f"setting 'validation_images' is {held}; allowed: 0 .. {most} with {data.name}")
    learned = len(data.train) - held
    n_train = _count("train_images", settings.train_images, learned, data.name)
    n_test = _count("test_images", settings.test_images, len(data.test), data.name)
    cut = dataclasses.replace(
        data,
        train=data.train.cut(slice(n_train)),
        train_labels=data.train_labels[:n_train],
        test=data.test.cut(slice(n_test)),
        test_labels=data.test_labels[:n_test],
    )
    validation = data.train.cut(slice(learned, None)) if held else None
    return Division(cut, validation, data.train_labels[learned:], digest)


def _count(name: str, wanted: int | str, available: int, dataset: str) -> int:
    if wanted == "all":
        return available
    if not 1 <= int(wanted) <= available:
        raise InputError(f"setting {name!r} is {wanted}; allowed: 1 .. {available} or all ({dataset})")
    return int(wanted)


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


def best_device() -> torch.device:
    """A GPU where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build_network(settings: DeepSettings, shape: tuple[int, int, int], n_classes: int) -> DeepNetwork:
    """The network of a run before training; the same seed gives the same weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return DeepNetwork(settings.network, shape, n_classes)


def build_structure(settings: DeepSettings, network: DeepNetwork, n_classes: int) -> StructuralPlasticity:
    """The pruning rules over the prunable layers of a network."""
    return build_plasticity(network.blocks, network.prunable, settings.structural(n_classes))


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
            spikes = torch.from_numpy(self.data.train.frames(rows, (settings.seed, TRAINING, epoch, number)))
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
        with _of_this_network(self.folder):
            self.network.blocks.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.structure.load_state_dict(state["structure"])
            self.best = state["best"]
            self.next_epoch, self.seconds = int(state["epochs_done"]), float(state["seconds"])


class _of_this_network:
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
    with _of_this_network(folder):
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


def evaluate_deep(path: Path, data_dir: Path | None, progress: bool = False, on_lava: int = 0) -> dict[str, Any]:
    """Test the network of a finished run once more; the folder is not changed.

    Parameters
    ----------
    path, data_dir : Path
    progress : bool
    on_lava : int
        So many of the first test images also run on Lava in fixed point (`compare_with_lava`).
    """
    folder, division, network, masks = load_run(path, data_dir)
    settings, data = folder.settings, division.data
    result: dict[str, Any] = {}
    if on_lava:
        if on_lava > len(data.test):
            raise InputError(f"--images is {on_lava}; allowed: 1 .. {len(data.test)}, the test images of the run")
        result["fixed_point"] = compare_with_lava(network, settings, data, on_lava)
    network.to(best_device())
    return test_network(network, masks, settings, data, progress) | {"epochs": settings.epochs} | result


def compare_with_lava(network: DeepNetwork, settings: DeepSettings, data: DeepDataset, images: int) -> dict[str, Any]:
    """Run the first test images on Lava and compare the output's spikes with the network's, step by step."""
    import torch

    from lavaprune.deep.fixed_point import run_on_lava
    from lavaprune.deep.folding import fold_network

    shown = [spikes for _, spikes in chunks(data.test.cut(slice(images)), settings.seed, TEST)]
    spikes = np.concatenate(shown, axis=1)
    layers = fold_network(network)
    began = time.perf_counter()
    on_lava = run_on_lava(layers, spikes)[layers[-1].name][:, :, 0, 0]
    seconds = time.perf_counter() - began
    ours = (network.run(torch.from_numpy(spikes)).codes[-1] >= SPIKE_CODE).numpy()
    answers = on_lava.sum(axis=0, dtype=np.int64).argmax(axis=1)
    return {
        "images": images,
        "accuracy": float((answers == data.test_labels[:images]).mean()),
        "output_spikes": int(on_lava.sum()),
        "mismatched_spikes": int((on_lava != ours).sum()),
        "fits_24_bits": all(layer.fits for layer in layers),
        "seconds": seconds,
    }


def test_network(
    network: DeepNetwork, masks: dict[str, torch.Tensor], settings: DeepSettings, data: DeepDataset, progress: bool
) -> dict[str, Any]:
    """Show the test samples and put the result together; every number in it was counted or measured."""
    began = time.perf_counter()
    with phase_bar("test", len(data.test), 0, progress) as bar:
        found = evaluate_network(network, data.test, settings.seed, TEST, bar.advance)
    n = len(data.test)
    passes = network.passes()
    return {
        "kind": "deep",
        "accuracy": found.accuracy(data.test_labels),
        "connectivity": connectivity(network, masks),
        "connectivity_per_layer": connectivity_per_layer(network, masks),
        "sops_per_image": sum(found.operations.values()) / n,
        "sops_per_image_per_layer": {name: total / n for name, total in found.operations.items()},
        "spikes_per_image": {name: total / n for name, total in found.spikes.items()},
        "nonzero_weights": {each.layer.spec.name: int(each.halves.count_nonzero()) for each in passes},
        "dataset": data.name,
        "preset": settings.preset,
        "network": settings.network,
        "pruning": settings.pruning.method,
        "train_images": len(data.train),
        "validation_images": settings.validation_images,
        "test_images": n,
        "test_is_train": data.test_is_train,
        "steps": settings.steps,
        "seed": settings.seed,
        "device": network.device.type,
        "seconds": {"test": time.perf_counter() - began},
        "weights_sha256": _weights_sha256(passes),
        "version": importlib.metadata.version("lavaprune"),
    }


def connectivity_per_layer(network: DeepNetwork, masks: dict[str, torch.Tensor]) -> dict[str, float]:
    """Share of live synapses of each layer; those that are never pruned keep all."""
    return {
        layer.spec.name: int(masks[layer.spec.name].sum()) / masks[layer.spec.name].numel()
        if layer.spec.name in masks
        else 1.0
        for layer in network.layers
    }


def connectivity(network: DeepNetwork, masks: dict[str, torch.Tensor]) -> float:
    """Share of live synapses of the whole network; a kernel's weight counts once, wherever it acts."""
    total = live = 0
    for layer in network.layers:
        name, size = layer.spec.name, layer.spec.units * layer.fan_in
        total += size
        live += int(masks[name].sum()) if name in masks else size
    return live / total


def _weights_sha256(passes: list[Any]) -> str:
    """SHA-256 of all integer weights and biases, in hexadecimal."""
    digest = hashlib.sha256()
    for each in passes:
        for tensor in (each.halves, each.bias):
            digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy().astype(np.int32)).data)
    return digest.hexdigest()
