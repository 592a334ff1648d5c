"""How a finished deep run's network fits on a chip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lavaprune.core_fit_report import fit_report
from lavaprune.deep.chip_network import POOLING_KINDS, SEPARATE, SHARED, read_deep_network
from lavaprune.energy.chip import load_chip
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.errors import EnergyError
from lavaprune.errors import InputError


def fit_of_deep_run(path: Path, chip_name: str, pooling: str = SHARED) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune fit RUN`` for a deep run: its own synapses, pruned ones absent.

    Keys as of `core_fit_report.fit_report`; ``network`` has ``pooling`` and the neurons of each layer;
    ``cores_with_separate_pooling`` and ``placeable_with_separate_pooling`` stand beside. The unpruned
    network has all weights, those that are 0 by chance too.

    Raises
    ------
    InputError
        The run is not finished or damaged, lava-dl is not installed, or the chip or kind of pooling is unknown.
    """
    if pooling not in POOLING_KINDS:
        raise InputError(f"--pooling is {pooling!r}; allowed: {', '.join(POOLING_KINDS)}")
    try:
        chip = load_chip(chip_name)
        network = read_deep_network(path)
        described = network.describe(pooling=pooling)
        inputs, *layers = described.populations
        asked = {
            "run": str(path),
            "kind": "deep",
            "inputs": inputs.neurons,
            "neurons": sum(layer.neurons for layer in layers),
            "neurons_left_out": 0,
            "neurons_per_layer": {layer.name: layer.neurons for layer in layers},
            "connectivity": network.connectivity,
            "inhibition": None,
            "lateral": None,
            "only": None,
            "pooling": pooling,
        }
        report = fit_report(described, network.describe(pruned=False, pooling=pooling), chip, asked)
        separate = fit_network(network.describe(pooling=SEPARATE), chip)
    except EnergyError as error:
        raise InputError(str(error)) from None
    return {
        **report,
        "cores_with_shared_lateral": None,
        "cores_with_separate_pooling": separate.cores,
        "placeable_with_separate_pooling": not separate.exceeded,
    }
