"""What a figure or table gives, and how it is written: picture, CSV, Markdown, and an index of all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lavaprune.files import write_text
from lavaprune.plots.saving import save_figure
from lavaprune.reproduce.compare import AGREE, Comparison, statistics
from lavaprune.reproduce.runs import Point
from lavaprune.settings import LATER_PRUNING, PruningSettings

COMPARISONS = "comparisons.csv"
INDEX = "README.md"
RULE = (
    "*agree*: within 2 standard errors of ours over the seeds, or within 1 point, of the paper's number; a statement "
    "that something is larger agrees where our mean says so. +- is the standard error."
)
QUICK_NOTE = "**Quick run: fewer images, seeds and points. Nothing here is a result.**"
_POINT_SETTINGS = (
    "method",
    "function",
    "threshold",
    "factor_time",
    "factor_neurons",
    "spike_interval",
    "connectivity_target",
    "strategy",
    "spike_threshold",
    "neurons_removed",
    "start",
    "batch",
)
_RARE_SETTINGS = ("grouping", "redundant", *LATER_PRUNING)  # columns only where a configuration sets them
_POINT_QUANTITIES = (
    "connectivity",
    "unpruned",
    "nonzero",
    "accuracy",
    "loss",
    "training_saved",
    "inference_saved",
    "training_plain",
    "inference_plain",
    "training_sops",
    "inference_sops",
)


@dataclass
class Outcome:
    """What a figure or table came to.

    Attributes
    ----------
    title : str
    shows : str
        What the reader sees, in a sentence or two.
    figures : dict of str to Figure
        Ending of the file name (mostly empty) -> picture.
    rows : list of mappings
        The CSV's rows.
    comparisons : list of Comparison
    notes : list of str
        What has to be known to judge it.
    table : sequence of sequences of str
        A table for the Markdown, its first row the header; may be empty.
    """

    title: str
    shows: str
    figures: dict[str, Figure] = field(default_factory=dict)
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    table: Sequence[Sequence[str]] = ()


def point_row(panel: str, series: str, point: Point, **paper: float | None) -> dict[str, Any]:
    """A CSV row of one configuration: settings, number of seeds, mean and deviation of each quantity, the paper's.

    Parameters
    ----------
    panel, series : str
    point : Point
    **paper : float or None
        Numbers of the paper, by quantity; the columns are called ``paper_...``.
    """
    row: dict[str, Any] = {"panel": panel, "series": series, "dataset": point.settings.dataset}
    row["neurons"] = point.settings.neurons
    row |= {name: point.rows[0].get(name) for name in _POINT_SETTINGS}
    rare = {name: point.rows[0].get(name) for name in _RARE_SETTINGS}
    row |= {
        name: value for name, value in rare.items() if value not in (None, PruningSettings.model_fields[name].default)
    }
    row |= {"n": point.n, "seeds": " ".join(str(seed) for seed in point.seeds)}
    for name in _POINT_QUANTITIES:
        mean, deviation, _, _ = statistics(point.values[name])
        row |= {f"{name}_mean": mean, f"{name}_std": deviation}
    return row | {f"paper_{name}": value for name, value in paper.items()}


def write_outcome(out: Path, name: str, outcome: Outcome, quick: bool) -> None:
    """Write ``<name>.png``, ``<name>.csv`` and ``<name>.md`` into the folder `out`."""
    for ending, figure in outcome.figures.items():
        save_figure(figure, out / f"{name}{ending}.png")
    write_text(out / f"{name}.csv", to_csv(outcome.rows))
    write_text(out / f"{name}.md", to_markdown(name, outcome, quick))


def to_markdown(name: str, outcome: Outcome, quick: bool) -> str:
    """The text that goes with a picture; every comparison is one line that ends in its verdict."""
    parts = [f"# {outcome.title}"]
    if quick:
        parts.append(QUICK_NOTE)
    parts.append(outcome.shows)
    parts += [f"![{outcome.title}]({name}{ending}.png)" for ending in outcome.figures]
    if outcome.table:
        parts.append(markdown_table(outcome.table))
    if outcome.comparisons:
        parts.append(f"## Compared with the paper\n\n{RULE}")
        parts.append("\n".join(f"- {each.line()}" for each in outcome.comparisons))
    if outcome.notes:
        parts.append("## Notes")
        parts.append("\n".join(f"- {each}" for each in outcome.notes))
    parts.append(f"Numbers: [{name}.csv]({name}.csv)")
    return "\n\n".join(parts) + "\n"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def comparison_rows(name: str, comparisons: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Comparisons as rows of `COMPARISONS`."""
    return [
        {
            "id": name,
            "statement": each.statement,
            "ours": each.ours,
            "standard_error": each.error,
            "n": each.n,
            "paper": each.paper,
            "unit": each.unit,
            "verdict": each.verdict,
        }
        for each in comparisons
    ]


def write_index(out: Path, quick: bool, titles: Mapping[str, str], comparisons: Sequence[Mapping[str, Any]]) -> None:
    """Write ``README.md`` and ``comparisons.csv`` over everything that lies in the folder.

    Parameters
    ----------
    out : Path
    quick : bool
    titles : mapping of str to str
        Titles by id, in the order of the paper; what has no ``<id>.md`` in the folder is left out.
    comparisons : sequence of mappings
        Of the ids that were made now (`comparison_rows`); those of others are kept as they stand in the file.
    """
    now = {row["id"] for row in comparisons}
    kept = [row for row in _read_csv(out / COMPARISONS) if row["id"] not in now]
    order = {name: index for index, name in enumerate(titles)}
    rows = sorted([*kept, *comparisons], key=lambda row: order.get(row["id"], len(order)))
    write_text(out / COMPARISONS, to_csv(rows))
    lines = ["# Guo et al. 2020, reproduced", ""]
    lines += [QUICK_NOTE, ""] if quick else []
    lines += [RULE, "", "| what | agree | differ | not compared |", "|---|---|---|---|"]
    for name, title in titles.items():
        if (out / f"{name}.md").exists():
            verdicts = [row["verdict"] for row in rows if row["id"] == name]
            counts = [sum(v.startswith(start) for v in verdicts) for start in (AGREE, "differ", "not compared")]
            lines.append(f"| [{title}]({name}.md) | {' | '.join(str(count) for count in counts)} |")
    lines += ["", f"All comparisons: [{COMPARISONS}]({COMPARISONS}). All runs: `results.parquet`, one row each.", ""]
    write_text(out / INDEX, "\n".join(lines))


def _read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return [row for row in csv.DictReader(stream) if row.get("id") and row.get("verdict")]
    except FileNotFoundError:
        return []


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV; columns in the order in which they first occur, empty where a value is None or NaN."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
