"""What the choices of the lateral port are worth, and the search for its constants; on training images only.

Neurons are labelled on the first training images of a run; the last ones of its training images are classified.

    python benchmarks/port_choices.py runs/mnist-100 --data-dir DATA                # variants
    python benchmarks/port_choices.py runs/mnist-100 --data-dir DATA --trials 80    # Optuna instead
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import optuna

from lavaprune.errors import LavapruneError
from lavaprune.port.emulator import StockEmulator
from lavaprune.port.folding import FORWARD_PORT, LATERAL_PORT, PortSettings
from lavaprune.port.porting import Trained, load_trained, stock_network
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.processes.control import PHASE_LABEL
from lavaprune.training.offline import respond
from lavaprune.training.readout import Labeller, classify

VARIANTS = {
    "as it is": LATERAL_PORT,
    "as many spikes as the original": replace(LATERAL_PORT, spike_ratio=1.0),
    "exponent 1": replace(LATERAL_PORT, exponent=1.0),
    "exponent 0": replace(LATERAL_PORT, exponent=0.0),
    "no bias": replace(LATERAL_PORT, bias=0.0),
    "nothing taken from the neuron's own voltage": replace(LATERAL_PORT, own=0.0),
    "no lateral inhibition": replace(LATERAL_PORT, lateral=0.0, own=0.0),
    "1 silent step": replace(LATERAL_PORT, rest_steps=1),
    "30 silent steps": replace(LATERAL_PORT, rest_steps=30),
    "300 silent steps": replace(LATERAL_PORT, rest_steps=300),
    "feed-forward": FORWARD_PORT,
}


def validation(trained: Trained, n_images: int) -> tuple[np.ndarray, np.ndarray]:
    """The last training images and their labels."""
    return np.array(trained.data.train_images[-n_images:]), trained.data.train_labels[-n_images:]


def measure(trained: Trained, settings: PortSettings, n_images: int) -> dict[str, float]:
    """Accuracy and spikes per image of one port on the validation images."""
    images, labels = validation(trained, n_images)
    network = stock_network(trained, [settings])
    first = len(trained.data.train_images) - n_images
    counts, _ = StockEmulator(network, trained.parameters).present(images, PHASE_LABEL, first)
    answers = classify(counts, network.neuron_labels, trained.data.n_classes)
    return {"accuracy": float(np.mean(answers == labels)), "spikes_per_image": float(counts.sum(axis=1).mean())}


def original(trained: Trained, n_images: int) -> dict[str, float]:
    """The same of the network it is made from, labelled on the same images."""
    images, labels = validation(trained, n_images)
    labeller = Labeller(trained.data.n_classes, trained.parameters.n_neurons)
    shown = np.array(trained.data.train_images[: trained.label_images])
    engine = FusedEngine(trained.parameters, trained.state)
    labeller.add(respond(engine, shown, PHASE_LABEL), trained.data.train_labels[: len(shown)])
    counts = respond(engine, images, PHASE_LABEL)
    answers = classify(counts, labeller.labels(), trained.data.n_classes)
    return {"accuracy": float(np.mean(answers == labels)), "spikes_per_image": float(counts.sum(axis=1).mean())}


def search(trained: Trained, n_images: int, trials: int) -> None:
    """Print the best constants after every ten trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        settings = PortSettings(
            tau_current_ms=trial.suggest_float("tau_current_ms", 0.2, 6),
            tau_membrane_ms=trial.suggest_float("tau_membrane_ms", 15, 120, log=True),
            bias=trial.suggest_float("bias", -0.01, 0.02),
            lateral=trial.suggest_float("lateral", 0.2, 2.5, log=True),
            own=trial.suggest_float("own", 0, 1),
            common=0.0,
            exponent=trial.suggest_float("exponent", 0.6, 1.6),
            spike_ratio=trial.suggest_float("spike_ratio", 0.7, 4, log=True),
            rest_steps=LATERAL_PORT.rest_steps,
        )
        try:
            return measure(trained, settings, n_images)["accuracy"]
        except LavapruneError:
            return 0.0

    def show(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if (trial.number + 1) % 10 == 0:
            best = {name: round(value, 4) for name, value in study.best_params.items()}
            print(json.dumps({"trials": trial.number + 1, "accuracy": study.best_value, **best}), flush=True)

    sampler = optuna.samplers.TPESampler(seed=0, multivariate=True)
    optuna.create_study(direction="maximize", sampler=sampler).optimize(objective, n_trials=trials, callbacks=[show])


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--images", type=int, default=10_000, help="validation images")
    parser.add_argument("--trials", type=int, default=0)
    arguments = parser.parse_args()
    try:
        trained = load_trained(arguments.run, arguments.data_dir)
        if arguments.trials > 0:
            search(trained, arguments.images, arguments.trials)
            return 0
        print(json.dumps({"variant": "original", **original(trained, arguments.images)}), flush=True)
        for name, settings in VARIANTS.items():
            row = {"variant": name, **measure(trained, settings, arguments.images), "settings": asdict(settings)}
            print(json.dumps(row), flush=True)
    except LavapruneError as error:
        print(f"port_choices: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
