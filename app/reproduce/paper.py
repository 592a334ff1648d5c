"""What Guo et al. 2020 print, as numbers. Percentages in %, accuracy losses in points."""

from __future__ import annotations

from dataclasses import dataclass

UNPRUNED_ACCURACY = {"mnist-100": 85.78, "mnist-800": 90.40, "fashion-100": 64.57, "fashion-800": 69.21}
"""Section "Network Models and Architecture"."""


@dataclass(frozen=True)
class TableEntry:
    """Accuracy loss in points, and reductions of training and inference SOPs per image in %."""

    loss: float
    training_saved: float
    inference_saved: float


AT_10_PERCENT: dict[str, dict[str, TableEntry]] = {
    "mnist-100": {
        "neuron": TableEntry(38.64, 33, 90),
        "post": TableEntry(9.43, 0, 70),
        "soft": TableEntry(12.45, 25, 0),
        "constant": TableEntry(13.23, 46, 70),
        "aptn": TableEntry(6.73, 30, 69),
    },
    "mnist-800": {
        "neuron": TableEntry(38.85, 48, 90),
        "post": TableEntry(9.21, 0, 71),
        "soft": TableEntry(5.94, 24, 0),
        "constant": TableEntry(6.73, 46, 69),
        "aptn": TableEntry(3.87, 36, 68),
    },
    "fashion-100": {
        "neuron": TableEntry(42.14, 23, 90),
        "post": TableEntry(16.35, 0, 82),
        "soft": TableEntry(12.23, 27, 0),
        "constant": TableEntry(20.43, 45, 88),
        "aptn": TableEntry(14.09, 28, 85),
    },
    "fashion-800": {
        "neuron": TableEntry(40.88, 39, 90),
        "post": TableEntry(19.98, 0, 85),
        "soft": TableEntry(9.63, 29, 0),
        "constant": TableEntry(19.24, 49, 87),
        "aptn": TableEntry(13.67, 31, 84),
    },
}
"""Tables 2 (MNIST) and 3 (Fashion-MNIST), by preset and method, at 10 % connectivity."""



def accuracy_at_10_percent(preset: str, method: str) -> float | None:
    """Accuracy in % by Tables 2 and 3: of the unpruned network, less the loss; None where the tables lack a method."""
    entry = AT_10_PERCENT[preset].get(method)
    return None if entry is None else UNPRUNED_ACCURACY[preset] - entry.loss


BEST_FOM = {"mnist-100": (14.5, TableEntry(2.85, 27, 60)), "mnist-800": (17.0, TableEntry(0.44, 30, 55))}
"""Connectivity at which the figure of merit is best, and what APTN does there (Fig 12 and its text)."""

WITHIN_ONE_POINT = {"mnist": 80.0, "fashion": 50.0}
"""Weights, in %, that any of the methods removes with less than 1 point of loss (text around Fig 9)."""

PRUNING_START = 30_000
BEST_FACTORS_TIME = {"f1": 1.3, "f2": 1.1, "f3": 0.01}
BEST_FACTORS_NEURONS = {"f1": 1.15, "f2": 1.05, "f3": 0.03}
SPIKE_INTERVAL = 30
F2_LARGEST_CONNECTIVITY = 15.0
"""With b > 1, f2 leaves less than this even from a very low initial threshold (text around Fig 4)."""

CONTROLLER_SHARE = {5_000: 0.001, 100: 0.04}
"""Pruning's share of the runtime in %, by batch (text around Fig 15): about 0.001 and less than 0.04."""

TABLE_4 = {
    "cycles": {"grouping": 120, "adapting": 2_000, "weight_pruning": 78_400},
    "operations": {"grouping": 400, "adapting": 1_100, "weight_pruning": 156_800},
}
TABLE_4_PER_IMAGE = {"cycles": {100: 404, 5_000: 9}, "operations": {100: 794, 5_000: 18}}
TABLE_4_GROUPS = 20
TRAINING_SOPS = 96_099
"""Synaptic operations per training image, N = 100 at 10 % connectivity."""

NAND_PRUNING = 8_284
"""Table 5: equivalent NAND gates of the pruning unit, and of the network with 100 neurons."""
NAND_NETWORK = 3.0e6
NAND_SHARE = 0.3

SOP_PJ = 23.6
SOP_ENERGY_UJ = 2.3
PRUNING_ENERGY_NJ = 3.4
"""Printed for 794 operations of 0.5 pJ, which are 0.40 nJ."""

SOFT_ABSTRACT = (3.33, 67.0)
"""Points more than soft pruning, and percent more SOPs saved, by the abstract; no table of the paper has them."""
