"""Suites of deep runs by name: what `lavaprune deep reproduce` trains and compares."""

from __future__ import annotations

import dataclasses
from importlib import resources
from typing import Any

import tomli
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from lavaprune.deep.configuration import build_deep_settings
from lavaprune.deep.settings import DeepSettings
from lavaprune.errors import InputError


class Suite(BaseModel):
    """One table of deep networks.

    Attributes
    ----------
    title : str
    preset : str
    seeds : list of int
    folds : int
        Parts of a cross-validation; 0: the data set's own test samples.
    reference : str
        Variant that losses are taken against, of the same seed and fold.
    settings : dict
        What all runs change in the preset, by dotted name.
    variants : dict
        What each variant changes besides.
    remark : str
        Said under the table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    preset: str
    seeds: list[int] = Field(min_length=1)
    folds: int = 0
    reference: str
    settings: dict[str, Any] = {}
    variants: dict[str, dict[str, Any]]
    remark: str = ""

    @model_validator(mode="after")
    def _reference_exists(self) -> Self:
        if self.reference not in self.variants:
            raise ValueError(f"reference is {self.reference!r}; allowed: {' | '.join(self.variants)}")
        return self

    def runs(self) -> list[SuiteRun]:
        """All runs: seed by seed and fold by fold, the variants of each in turn, so that pairs are complete early."""
        return [
            SuiteRun(variant, seed, fold, self._settings_of(variant, seed, fold))
            for seed in self.seeds
            for fold in range(max(1, self.folds))
            for variant in self.variants
        ]

    def _settings_of(self, variant: str, seed: int, fold: int) -> DeepSettings:
        changes = {**self.settings, **self.variants[variant], "seed": seed}
        if self.folds:
            changes |= {"folds": self.folds, "fold": fold}
        return build_deep_settings(self.preset, [f"{name}={_written(value)}" for name, value in changes.items()])


@dataclasses.dataclass(frozen=True)
class SuiteRun:
    """One run of a suite.

    Attributes
    ----------
    variant : str
    seed, fold : int
    settings : DeepSettings
    """

    variant: str
    seed: int
    fold: int
    settings: DeepSettings

    @property
    def name(self) -> str:
        """Name of its folder."""
        fold = f"-fold{self.fold}" if self.settings.folds else ""
        return f"{self.variant}-seed{self.seed}{fold}"


def load_suites() -> dict[str, Suite]:
    """All suites by name."""
    text = (resources.files("lavaprune.deep") / "suites.toml").read_text("utf-8")
    return {name: Suite.model_validate(values) for name, values in tomli.loads(text).items()}


def find_suite(name: str) -> Suite:
    """A suite; InputError where there is none of this name."""
    suites = load_suites()
    if name not in suites:
        raise InputError(f"deep reproduce: suite is {name!r}; allowed: {' | '.join(suites)}")
    return suites[name]


def _written(value: Any) -> str:
    """A TOML value as it stands after ``--set key=``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
