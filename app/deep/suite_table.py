"""The table of a suite of deep runs: means over seeds or folds, losses in pairs."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lavaprune.deep.suites import Suite, SuiteRun
from lavaprune.errors import InputError
from lavaprune.files import write_text
from lavaprune.reproduce.compare import statistics
from lavaprune.runs import METRICS

_COLUMNS = (
    "variant",
    "runs",
    "accuracy",
    "accuracy_error",
    "loss",
    "loss_error",
    "connectivity",
    "conv2",
    "fc1",
    "regrown",
    "sops_per_image",
    "train_seconds",
)


@dataclasses.dataclass(frozen=True)
class RunOutcome:
    """What the table takes from one run.

    Attributes
    ----------
    run : SuiteRun
    accuracy : float
        On the test samples, 0 .. 1.
    test_images : int
    connectivity : float
    per_layer : dict of str to float
    regrown : int
        Synapses that came back, over all epochs.
    sops_per_image, train_seconds : float
    """

    run: SuiteRun
    accuracy: float
    test_images: int
    connectivity: float
    per_layer: dict[str, float]
    regrown: int
    sops_per_image: float
    train_seconds: float

    @classmethod
    def of(cls, run: SuiteRun, result: dict[str, Any], folder: Path) -> RunOutcome:
        """Read from a run's result and its metrics.

        Raises
        ------
        InputError
            One of them is damaged.
        """
        try:
            lines = (folder / METRICS).read_text("utf-8").splitlines()
            return cls(
                run,
                float(result["accuracy"]),
                int(result["test_images"]),
                float(result["connectivity"]),
                {name: float(share) for name, share in result["connectivity_per_layer"].items()},
                sum(sum(json.loads(line)["regrown"].values()) for line in lines),
                float(result["sops_per_image"]),
                float(result["seconds"]["train"]),
            )
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"run folder {folder}: its result or metrics are damaged ({error!r})") from None


def suite_rows(suite: Suite, outcomes: Sequence[RunOutcome]) -> list[dict[str, Any]]:
    """A row for each variant that has a finished run.

    A loss is that of a run against the reference of the same seed and fold, in points; pairs that are not complete
    are left out. Folds count as runs: their accuracies are averaged, however many samples each has.
    """
    reference = {
        (each.run.seed, each.run.fold): each.accuracy for each in outcomes if each.run.variant == suite.reference
    }
    rows = []
    for variant in suite.variants:
        mine = [each for each in outcomes if each.run.variant == variant]
        if not mine:
            continue
        losses = [
            100 * (reference[key] - each.accuracy)
            for each in mine
            if (key := (each.run.seed, each.run.fold)) in reference
        ]
        accuracy, _, accuracy_error, _ = statistics([100 * each.accuracy for each in mine])
        loss, _, loss_error, _ = statistics(losses)
        rows.append(
            {
                "variant": variant,
                "runs": len(mine),
                "accuracy": accuracy,
                "accuracy_error": accuracy_error,
                "loss": loss,
                "loss_error": loss_error,
                "connectivity": 100 * statistics([each.connectivity for each in mine])[0],
                "conv2": 100 * statistics([each.per_layer.get("conv2", math.nan) for each in mine])[0],
                "fc1": 100 * statistics([each.per_layer.get("fc1", math.nan) for each in mine])[0],
                "regrown": statistics([each.regrown for each in mine])[0],
                "sops_per_image": statistics([each.sops_per_image for each in mine])[0],
                "train_seconds": statistics([each.train_seconds for each in mine])[0],
            }
        )
    return rows


def write_suite(name: str, suite: Suite, outcomes: Sequence[RunOutcome], out: Path) -> list[dict[str, Any]]:
    """Write ``deep-<suite>.md`` and ``.csv``; return the rows."""
    rows = suite_rows(suite, outcomes)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    write_text(out / f"deep-{name}.csv", stream.getvalue())
    write_text(out / f"deep-{name}.md", _markdown(name, suite, outcomes, rows))
    return rows


def _markdown(name: str, suite: Suite, outcomes: Sequence[RunOutcome], rows: Sequence[dict[str, Any]]) -> str:
    missing = len(suite.runs()) - len(outcomes)
    over = f"{suite.folds} folds of all samples" if suite.folds else f"{outcomes[0].test_images} test images"
    lines = [
        f"# {suite.title}",
        "",
        f"`lavaprune deep reproduce {name} --data-dir DATA --out DIR`. Preset `{suite.preset}`, seeds "
        f"{', '.join(map(str, suite.seeds))}; {over}. +- is the standard error over the runs; the loss, in points, is "
        f"against `{suite.reference}` run by run. Operations are those of the folded network.",
        "",
        "| variant | runs | accuracy % | loss | connectivity % | conv2 % | fc1 % | regrown | kSOP/image | train s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    dense = next((row["sops_per_image"] for row in rows if row["variant"] == suite.reference), math.nan)
    for row in rows:
        share = 100 * (row["sops_per_image"] / dense - 1)
        saved = "" if row["variant"] == suite.reference or math.isnan(share) else f" ({share:+.0f} %)"
        lines.append(
            f"| {row['variant']} | {row['runs']} | {_with_error(row['accuracy'], row['accuracy_error'])} "
            f"| {_with_error(row['loss'], row['loss_error'])} | {row['connectivity']:.2f} | {row['conv2']:.1f} "
            f"| {row['fc1']:.1f} | {row['regrown']:.0f} | {row['sops_per_image'] / 1000:.0f}{saved} "
            f"| {row['train_seconds']:.0f} |"
        )
    lines += ["", "Settings of all runs, beside the preset's:", "", "```"]
    lines += [f"{key} = {value}" for key, value in suite.settings.items()]
    for variant, changes in suite.variants.items():
        lines.append(f"{variant}: " + (", ".join(f"{key} = {value}" for key, value in changes.items()) or "as above"))
    lines += ["```", ""]
    if suite.folds:
        lines += ["Folds share most of their training samples, so the standard errors are too small.", ""]
    if suite.remark:
        lines += [suite.remark, ""]
    if missing:
        lines += [f"**{missing} runs are missing.**", ""]
    return "\n".join(lines)


def _with_error(value: float, error: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.2f}" if math.isnan(error) else f"{value:.2f} +- {error:.2f}"
