"""The settings of a deep run: what its ``config.toml`` holds and what ``--set`` changes."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from lavaprune.deep.architectures import NETWORKS
from lavaprune.pruning.structural.settings import StructuralSettings
from lavaprune.settings import Images, Section

DatasetName = Literal["digits", "mnist", "fashion", "nmnist", "dvsgesture", "cifar10", "cifar10-jpeg"]
NetworkName = Literal["digits", "conv", "fc", "cifar10"]


class OptimiserSettings(Section):
    """``optimiser.*``: how weights are trained."""

    kind: Literal["adam", "adamw"] = Field(default="adam", description="optimiser")
    rate: float = Field(default=1e-3, gt=0, le=1, description="first learning rate")
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="weight decay")
    schedule: Literal["step", "cosine", "constant"] = Field(default="step", description="course of the learning rate")
    drops: float = Field(default=7.5, gt=0, le=100, description="training divided by the time of one drop to a tenth")


class DeepPruningSettings(Section):
    """``pruning.*``: structural plasticity; what they mean is in `StructuralSettings`."""

    method: Literal["sdsnn", "none", "magnitude", "set", "rigl"] = Field(default="sdsnn", description="pruning method")
    layers: tuple[str, ...] = Field(default=(), description="layers that are pruned; none named: all that can be")
    rate_fc: float = Field(default=0.35, ge=0, le=1, description="first share of pruned rows")
    rate_conv: float = Field(default=0.05, ge=0, le=1, description="first share of pruned filters")
    start_epoch: int = Field(default=0, ge=0, le=10**6, description="first epoch with pruning; 0: as published, scaled")
    constraint: bool = Field(True, description="clamp weights to their ranges")
    regrow: bool = Field(True, description="let pruned synapses come back")
    adaptive: bool = Field(True, description="let pruning rates grow")
    regrow_by: Literal["signed", "magnitude"] = Field(default="signed", description="what must exceed the percentile")
    masks_in_epoch: bool = Field(False, description="keep pruned weights at 0 inside the epochs")
    remove_biases: bool = Field(False, description="remove the biases of units without inputs")
    ranges_on: Literal["all", "fc"] = Field(default="all", description="layers whose ranges are updated")
    exempt_fc: bool = Field(True, description="prune a row once at most")
    exempt_conv: bool = Field(False, description="prune a filter once at most")
    percentile_fc: float = Field(default=60.0, ge=0, le=99, description="first percentile of regrowth, rows")
    percentile_conv: float = Field(default=65.0, ge=0, le=99, description="first percentile of regrowth, kernels")
    gain_fc: float = Field(default=1.0, ge=0, le=100, description="first growth of the rate of rows, percent")
    floor_fc: float = Field(default=7.5e-4, ge=0, le=100, description="later growth of the rate of rows, percent")
    sparse_unit_inputs: int = Field(default=10, ge=0, le=10**6, description="fewer live inputs count as none")
    connectivity_fc: float = Field(default=0.5, ge=0, le=1, description="of baselines, rows")
    connectivity_conv: float = Field(default=0.5, ge=0, le=1, description="of baselines, filters")
    turnover: float = Field(default=0.3, ge=0, le=1, description="of set and rigl: first share that moves")
    published_epochs: int = Field(default=300, ge=1, le=10**6, description="epochs that the schedule was made for")
    published_constraint: int = Field(default=19, ge=0, le=10**6, description="their first epoch with clamping")

    @field_validator("layers", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class DeepSettings(Section):
    """Everything that determines a deep run."""

    kind: Literal["deep"] = Field(default="deep", description="kind of run")
    dataset: DatasetName = Field(default="digits", description="data set")
    preset: str = Field(default="none", description="preset the settings started from")
    network: NetworkName = Field(default="digits", description="network")
    epochs: int = Field(default=30, ge=1, le=100_000, description="epochs")
    steps: int = Field(default=20, ge=1, le=1000, description="steps per image")
    train_images: Images = Field(default="all", description="training images")
    validation_images: int = Field(
        default=0, ge=0, le=10**9, description="last training images, kept from learning and looked at each epoch"
    )
    test_images: Images = Field(default="all", description="test images")
    folds: int = Field(
        default=0,
        ge=0,
        le=10**6,
        description="parts of all samples for cross-validation; 0: train and test as published",
    )
    fold: int = Field(default=0, ge=0, le=10**6, description="part that is tested, from 0; the others are learned")
    select: Literal["last", "validation"] = Field(
        default="last", description="epoch that is tested: the last, or of the last tenth the best on validation images"
    )
    shift_pixels: int = Field(
        default=0, ge=0, le=16, description="training samples are shifted by up to so many pixels, anew each time"
    )
    batch: int = Field(default=100, ge=1, le=100_000, description="images per step of the optimiser")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of every random draw")
    checkpoint_epochs: int = Field(default=1, ge=1, le=100_000, description="epochs between two checkpoints")
    optimiser: OptimiserSettings = OptimiserSettings()
    pruning: DeepPruningSettings = DeepPruningSettings()

    @model_validator(mode="after")
    def _choice_is_possible(self) -> Self:
        if self.select == "validation" and not self.validation_images:
            raise ValueError("setting 'select' is 'validation' without validation_images; allowed: last")
        if self.folds == 1:
            raise ValueError("setting 'folds' is 1; allowed: 0 (no cross-validation), or from 2")
        if self.fold >= max(1, self.folds):
            raise ValueError(f"setting 'fold' is {self.fold}; allowed: 0 .. folds - 1 = {max(1, self.folds) - 1}")
        allowed = self._can_be_pruned()
        wrong = [name for name in self.pruning.layers if name not in allowed]
        if wrong:
            raise ValueError(f"setting 'pruning.layers' names {wrong[0]!r}; allowed: {' | '.join(allowed)}")
        if len(set(self.pruning.layers)) < len(self.pruning.layers):
            raise ValueError(f"setting 'pruning.layers' is {list(self.pruning.layers)}; allowed: each layer once")
        return self

    def _can_be_pruned(self) -> list[str]:
        return [spec.name for spec in NETWORKS[self.network] if spec.prunable]

    def pruned_layers(self) -> list[str]:
        """Names of the layers that the method prunes, from input to output."""
        return [name for name in self._can_be_pruned() if name in self.pruning.layers or not self.pruning.layers]

    def structural(self, n_classes: int) -> StructuralSettings:
        """What the pruning rules are told."""
        values = self.pruning.model_dump()
        start = values.pop("start_epoch")
        del values["layers"]  # the rules are given their layers
        return StructuralSettings(
            epochs=self.epochs, outputs=n_classes, seed=self.seed, start_epoch=start or None, **values
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as nested dicts of TOML values: complete, in a fixed order."""
        return self.model_dump()

    def sha256(self) -> str:
        """Return the SHA-256 of all settings, in hexadecimal."""
        return self.known_sha256s()[0]

    def known_sha256s(self) -> list[str]:
        """Digests that a checkpoint may bear: `sha256`, and that of before there were folds and shifts."""
        values = self.to_dict()
        if not self.pruning.layers:
            del values["pruning"]["layers"]  # checkpoints from before there was this setting still fit
        found = [_digest(values)]
        if not self.folds and not self.shift_pixels:
            found.append(_digest({k: v for k, v in values.items() if k not in ("folds", "fold", "shift_pixels")}))
        return found


def _digest(values: dict[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
