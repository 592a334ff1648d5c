"""The confusion matrix (true classes by answers, int64) as rows of a table, and the mistakes made most."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_MISTAKES = 8  # that are listed


def confusion_rows(confusion: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    """Rows by true class: name, counts with the strength of their tint, and the share that is right."""
    rows = []
    for label, (name, counts) in enumerate(zip(names, confusion.tolist(), strict=True)):
        total = max(1, sum(counts))
        rows.append(
            {
                "name": name,
                "cells": [(n, _tint(n / total, answer == label), answer == label) for answer, n in enumerate(counts)],
                "right": f"{100 * counts[label] / total:.0f}\N{NO-BREAK SPACE}%" if sum(counts) else "–",
            }
        )
    return rows


def _tint(share: float, is_right: bool) -> float:
    """How strongly a share of a row is tinted, 0..1: mistakes by the root, since they are few."""
    return round(share if is_right else math.sqrt(share), 3)


def mistakes_of(confusion: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    """The pairs of classes that most images are confused between, with their share of the true class."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    n_classes = len(wrong)
    found = []
    for place in np.argsort(-wrong, axis=None, kind="stable")[:_MISTAKES].tolist():
        true, answer = divmod(place, n_classes)
        images, total = int(wrong[true, answer]), int(confusion[true].sum())
        if images:
            share = round(images / total, 4)
            found.append({"true": names[true], "answer": names[answer], "images": images, "of": total, "share": share})
    return found
