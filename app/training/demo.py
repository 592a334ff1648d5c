"""The demo: train, prune, evaluate and price a network on the embedded digits, without a download."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lavaprune.configuration import build_settings
from lavaprune.energy_report import PHASES, energy_report, energy_text, events_of_run
from lavaprune.errors import InputError
from lavaprune.files import writable_folder, write_text
from lavaprune.training.run import train

RUNS = {"unpruned": "none", "aptn": "aptn"}
PICTURE = "demo.png"
TABLE = "energy.txt"


def demo(out: Path, seed: int = 1) -> dict[str, Any]:
    """Train the digits twice, unpruned and pruned by APTN; write a picture and an energy table to ``out``.

    Parameters
    ----------
    out : Path
        Folder for ``demo.png`` and ``energy.txt``, which are replaced, and nothing else.
    seed : int

    Returns
    -------
    dict
        ``accuracy``, ``connectivity``, ``sops``, ``energy`` of both runs by name, ``picture``.
    """
    from lavaprune.plots.demo_picture import write_demo_picture

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(writable_folder(out))
        except OSError as error:
            raise InputError(f"output folder {out}: cannot be written ({error.strerror or error})") from None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lavaprune-demo-")))
        results, texts, reports = {}, [], {}
        for name, method in RUNS.items():
            chosen = [f"pruning.method={method}", f"seed={seed}", "pictures=false"]
            settings = build_settings(preset="digits", assignments=chosen)
            results[name] = train(settings, None, folder / name, progress=True)
            phases = events_of_run(folder / name)
            reports[name] = energy_report(phases)
            texts.append(f"{name}\n{energy_text(phases)}")
        write_text(out / TABLE, "\n\n".join(texts) + "\n")
        write_demo_picture(out / PICTURE, {name: folder / name for name in RUNS})
    _show(results, reports)
    return {
        **{name: _summary(results[name], reports[name]) for name in RUNS},
        "energy": {key: reports["unpruned"][key] for key in ("label", "profile", "chip", "caveat")},
        "picture": str(out / PICTURE),
        "table": str(out / TABLE),
    }


def _summary(result: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    return {
        "accuracy": result["accuracy"],
        "connectivity": result["connectivity"],
        "nonzero_weights": result["nonzero_weights"],
        "training_sops_per_image": result["sops"]["training_per_image"],
        "inference_sops_per_image": result["sops"]["inference_per_image"],
        "training_pj_per_image": report["phases"]["training"]["pj_per_image"],
        "inference_pj_per_image": report["phases"]["inference"]["pj_per_image"],
        **{f"{phase}_pj_per_image_range": _range(report, phase) for phase in PHASES},
        "weights_sha256": result["weights_sha256"],
    }


def _range(report: dict[str, Any], phase: str) -> list[float]:
    """Lowest and highest energy of an image by the profiles of the chip."""
    spread, images = report["range_pj"][phase], report["phases"][phase]["images"]
    return [spread["low"] / images, spread["high"] / images]


def _show(results: dict[str, dict[str, Any]], reports: dict[str, dict[str, Any]]) -> None:
    report = reports["unpruned"]
    neurons = results["unpruned"]["neurons"]
    table = Table(title=f"digits, {neurons} neurons; {report['label']}, profile {report['profile']}")
    table.add_column("", no_wrap=True)
    for name in results:
        table.add_column(name, justify="right")
    rows = {name: _summary(results[name], reports[name]) for name in results}
    for title, key, form in (
        ("test accuracy", "accuracy", "{:.1%}"),
        ("connectivity", "connectivity", "{:.1%}"),
        ("training SOPs / image", "training_sops_per_image", "{:,.0f}"),
        ("inference SOPs / image", "inference_sops_per_image", "{:,.0f}"),
        ("training nJ / image", "training_pj_per_image", "{:,.1f}"),
        ("inference nJ / image", "inference_pj_per_image", "{:,.1f}"),
    ):
        scale = 1e-3 if "nJ" in title else 1.0
        table.add_row(title, *(form.format(rows[name][key] * scale) for name in rows))
        if "nJ" in title:
            low_high = [[f"{pj * scale:,.1f}" for pj in rows[name][f"{key}_range"]] for name in rows]
            table.add_row(f"  over profiles of {report['chip']}", *(" .. ".join(pair) for pair in low_high))
    Console(stderr=True).print(table)
