"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from lavaprune.files import atomic_file
from lavaprune.plots.style import in_style


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically (see `lavaprune.files.atomic_file`).

    The file has no date and no version in it: with the same Matplotlib the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    path : Path
        Ends in ``.png``; its folder must exist. A file of that name is replaced.

    Raises
    ------
    ValueError
        If the name does not end in ``.png``.
    """
    if path.suffix != ".png":
        raise ValueError(f"figure file {path}: name ends in {path.suffix!r}; allowed: '.png'")
    with in_style(), atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
