"""Golden hashes: small runs whose result every machine and every engine must give to the bit.

    python tests/golden/make_golden_hashes.py            # writes hashes.json beside itself
    python tests/golden/make_golden_hashes.py --print    # prints what this machine gives, writes nothing
    python tests/golden/make_golden_hashes.py --check    # exit 1 where that differs from hashes.json

A change of the values in hashes.json is a change of the arithmetic, the random draws or the order of a step: every
published result changes with it. Commit one only on purpose, and say so.

Another engine takes the same runs from here: `build` gives the parameters, the state at the start, images and control
rows of a case; `digests` is what hashes.json holds of the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.datasets import digits
from lavaprune.energy.counts import COUNTER_NAMES
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.proc_models.quantisation import (
    quantise_depression_rate,
    quantise_potentiation_rate,
    quantise_theta_plus,
)
from lavaprune.processes.control import (
    CONTROL_COLUMNS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_TEST,
    PHASE_TRAIN,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.training.annealing import annealing_factor

HASHES = Path(__file__).resolve().with_name("hashes.json")
N_INPUTS = 64
N_TRAIN, N_TEST = 12, 4
ANNEAL_START, ANNEAL_END = 0.25, 0.1

COMMON: dict[str, Any] = {
    "steps": 60,
    "gain_exc": 3.0,
    "theta_init_mv": 1.0,
    "theta_plus_mv": 0.2,
    "tau_theta_ms": 1e4,
    "mu_pre": 1e-3,
    "mu_post": 0.03,
    "column_sum": 10.0,
    "max_rate_hz": 150.0,
    "total_pixels": 16.0,
    "refractory_steps": 2,
}
# name: (parameters beside COMMON, whether masks take synapses away and freeze others)
CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "interneurons": ({"n_neurons": 16, "seed": 1, "inhibition": "interneurons"}, False),
    "direct": ({"n_neurons": 16, "seed": 2, "inhibition": "direct", "gain_inh": 40.0}, False),
    # a number of neurons that fills no vector, masks, unequal rates
    "masked": ({"n_neurons": 19, "seed": 2**63 - 1, "inhibition": "interneurons", "equalise": 0.5}, True),
}


@dataclass
class Run:
    """One case: ``images`` (K, 64) uint8 with their ``control`` rows (K, 6), 12 in training, then 4 in test."""

    parameters: NetworkParameters
    state: NetworkState
    images: np.ndarray
    control: np.ndarray


def build(case: str) -> Run:
    """The run of a case of `CASES`."""
    chosen, masked = CASES[case]
    parameters = NetworkParameters(n_inputs=N_INPUTS, **COMMON, **chosen)
    state = initial_state(parameters)
    if masked:
        j, i = np.indices(state.weights.shape)
        kind = (7 * j + 3 * i) % 5
        state.conducts = (kind != 0).astype(np.uint8)
        state.plastic = (kind > 1).astype(np.uint8)
        state.weights = state.weights * state.conducts
    train_images, _, test_images, _ = digits.load()
    control = np.zeros((N_TRAIN + N_TEST, CONTROL_COLUMNS), np.int64)
    for image in range(N_TRAIN):
        factor = annealing_factor(image, N_TRAIN, ANNEAL_START, ANNEAL_END)
        control[image, SAMPLE_ID] = image
        control[image, PHASE] = PHASE_TRAIN
        control[image, MU_PRE_Q] = quantise_depression_rate(parameters.mu_pre, factor)
        control[image, MU_POST_Q] = quantise_potentiation_rate(parameters.mu_post, factor)
        control[image, THETA_PLUS_Q] = quantise_theta_plus(parameters.theta_plus_mv, factor)
    control[N_TRAIN:, SAMPLE_ID] = np.arange(N_TEST)
    control[N_TRAIN:, PHASE] = PHASE_TEST
    images = np.concatenate([train_images[:N_TRAIN], test_images[:N_TEST]])
    return Run(parameters, state, np.ascontiguousarray(images), control)


def _sha256(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:  # little-endian and row by row, whatever the machine
        digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def digests(state: NetworkState, spike_counts: np.ndarray) -> dict[str, Any]:
    """What hashes.json holds of the end of a run; ``spike_counts`` (K, N) int32 of all its images.

    Totals stand beside the hashes to tell, where they differ, how far apart two runs are.
    """
    return {
        "sha256": _sha256(state.weights, state.theta, state.batch_counts, state.counters),
        "weights_sha256": _sha256(state.weights),
        "theta_sha256": _sha256(state.theta),
        "counters_sha256": _sha256(state.counters),
        "spike_counts_sha256": _sha256(spike_counts.astype(np.int32)),
        "sum_of_weights": int(state.weights.sum(dtype=np.int64)),
        "sum_of_theta": int(state.theta.sum(dtype=np.int64)),
        "training": dict(zip(COUNTER_NAMES, state.counters[0].tolist(), strict=True)),
        "inference": dict(zip(COUNTER_NAMES, state.counters[1].tolist(), strict=True)),
    }


def run_fused() -> dict[str, dict[str, Any]]:
    """The digests of all cases by the fused engine."""
    result = {}
    for case in CASES:
        run = build(case)
        engine = FusedEngine(run.parameters, run.state)
        counts, _ = engine.run(run.images, run.control)
        result[case] = digests(engine.state(), counts)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--print", action="store_true", help="print, write nothing")
    mode.add_argument("--check", action="store_true", help="compare with hashes.json")
    chosen = parser.parse_args()
    text = json.dumps(run_fused(), indent=1) + "\n"
    if chosen.print:
        print(text, end="")
    elif chosen.check:
        if text != HASHES.read_text(encoding="utf-8"):
            print(f"{HASHES.name}: this machine gives other values:\n{text}", file=sys.stderr)
            return 1
    else:
        temporary = HASHES.with_name(f".{HASHES.name}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(HASHES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
