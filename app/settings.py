"""The settings of a run: what `config.toml` holds and what ``--set`` changes.

Every section is a frozen pydantic model that refuses unknown names and wrong types. Physical parameters take
their defaults and ranges from `lavaprune.processes.parameters.NetworkParameters`, which checks them together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from lavaprune.processes.parameters import PARAMETER_RANGES, NetworkParameters
from lavaprune.pruning.method import PruningMethod
from lavaprune.pruning.registry import GAIN_SETTING_MAX, MethodSettings, build_method, known_methods

DatasetName = Literal["digits", "mnist", "fashion", "idx"]
# A factor of a pruning law, or the best one that the paper names for the law.
Factor = Annotated[float, Field(ge=0, le=1_000_000)] | Literal["paper"]
# A number of images, or every one there is.
Images = Annotated[int, Field(ge=1)] | Literal["all"]

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(NetworkParameters)}


def _physical(name: str, description: str) -> Any:
    """Return the pydantic field of a physical parameter: default and range are `NetworkParameters`'."""
    low, high = PARAMETER_RANGES.get(name, (None, None))
    return Field(default=_DEFAULTS[name], ge=low, le=high, description=description)


class Section(BaseModel):
    """A group of settings: frozen, strict about types, no unknown names, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class NetworkSettings(Section):
    """``network.*``: neurons and inhibition. Units in the names; see `NetworkParameters`."""

    tau_m_ms: float = _physical("tau_m_ms", "membrane time constant, ms")
    tau_ge_ms: float = _physical("tau_ge_ms", "excitatory conductance time constant, ms")
    tau_gi_ms: float = _physical("tau_gi_ms", "inhibitory conductance time constant, ms")
    v_rest_mv: float = _physical("v_rest_mv", "resting and reset potential, mV")
    v_th_mv: float = _physical("v_th_mv", "threshold without adaptation, mV")
    e_exc_mv: float = _physical("e_exc_mv", "excitatory reversal potential, mV")
    e_inh_mv: float = _physical("e_inh_mv", "inhibitory reversal potential, mV")
    refractory_steps: int = _physical("refractory_steps", "steps held at rest after a spike")
    gain_exc: float = _physical("gain_exc", "conductance of a weight of w_max, in leaks")
    gain_inh: float = _physical("gain_inh", "conductance of one lateral spike, in leaks")
    inhibition: Literal["interneurons", "direct"] = _physical("inhibition", "how neurons inhibit each other")
    inh_tau_m_ms: float = _physical("inh_tau_m_ms", "interneurons' membrane time constant, ms")
    inh_v_th_mv: float = _physical("inh_v_th_mv", "interneurons' threshold, mV")
    inh_refractory_steps: int = _physical("inh_refractory_steps", "interneurons' refractory steps")
    inh_gain_exc: float = _physical("inh_gain_exc", "conductance of a spike at its interneuron, in leaks")
    theta_init_mv: float = _physical("theta_init_mv", "adaptive threshold at the start, mV")
    theta_plus_mv: float = _physical("theta_plus_mv", "adaptive threshold's step at a spike, mV")
    tau_theta_ms: float = _physical("tau_theta_ms", "adaptive threshold's time constant, ms")


class EncodingSettings(Section):
    """``encoding.*``: from pixels to Poisson spikes."""

    max_rate_hz: float = _physical("max_rate_hz", "rate of a full pixel, Hz")
    total_pixels: float = _physical("total_pixels", "total input of an equalised image, in full pixels")
    equalise: float = _physical("equalise", "0: rates follow intensity; 1: every image has one total rate")


class LearningSettings(Section):
    """``learning.*``: triplet STDP, column normalisation and annealing."""

    tau_x_ms: float = _physical("tau_x_ms", "presynaptic trace, ms")
    tau_y1_ms: float = _physical("tau_y1_ms", "fast postsynaptic trace, ms")
    tau_y2_ms: float = _physical("tau_y2_ms", "slow postsynaptic trace, ms")
    mu_pre: float = _physical("mu_pre", "rate of depression, share of w_max")
    mu_post: float = _physical("mu_post", "rate of potentiation, share of w_max")
    normalise: bool = _physical("normalise", "scale columns to column_sum at an image's end")
    column_sum: float = _physical("column_sum", "target of a neuron's summed weights, in w_max")
    init_weight_max: float = _physical("init_weight_max", "largest initial weight, share of w_max")
    anneal_start: float = Field(default=0.36, ge=0, le=1, description="share of the images before annealing starts")
    anneal_end: float = Field(default=0.08, gt=0, le=1, description="factor of mu and theta_plus at the last image")
    anneal_every_images: int = Field(default=100, ge=1, le=10**9, description="images between two factors")


LATER_PRUNING = ("gain", "first_gain", "potentiation")
"""Settings ``pruning.*`` that came after the first runs; 1 is the default of each, and does nothing."""


class PruningSettings(Section):
    """``pruning.*``: which weights go, and when (Guo et al. 2020; names as there)."""

    method: str = Field(default="none", description="pruning method")
    function: Literal["f1", "f2", "f3"] = Field(default="f1", description="law of the threshold")
    threshold: float = Field(default=0.1, ge=0, le=1, description="first threshold w0, share of w_max")
    factor_time: Factor = Field(default="paper", description="a, b or c of the law over time")
    factor_neurons: Factor = Field(default="paper", description="a, b or c of the law over groups")
    spike_interval: int = Field(default=30, ge=1, le=10**9, description="width of a group in spikes (SI)")
    grouping: Literal["sorted", "binned"] = Field(default="sorted", description="Algorithm 1, or hardware bins")
    rescale: Literal["method", "none", "sum", "drive"] = Field(
        default="method", description="what becomes of the remaining weights; method: what the method does"
    )
    gain: float = Field(1.0, ge=0, le=GAIN_SETTING_MAX, description="factor on what rescale gives, at the last event")
    first_gain: float = Field(1.0, ge=0, le=GAIN_SETTING_MAX, description="the same, at the first event")
    potentiation: float = Field(default=1.0, gt=0, le=16, description="factor on mu_post after the first event")
    start: int = Field(default=30_000, ge=1, le=10**9, description="image of the first event")
    batch: int = Field(default=5_000, ge=1, le=10**9, description="images between two events")
    connectivity: float = Field(default=0.1, ge=0, le=1, description="aim of methods that aim at a connectivity")
    redundant: float = Field(default=0.0, ge=0, le=1, description="neurons that contrast removes as duplicates")
    strategy: Literal["fixed", "constant", "adaptive"] = Field(default="adaptive", description="of neuron pruning")
    spike_threshold: float = Field(default=0.0, ge=0, le=100_000, description="of neuron pruning, spikes per image")
    neurons_removed: int = Field(default=10, ge=1, le=65536, description="neurons per event of the strategy fixed")

    @model_validator(mode="after")
    def _method_can_be_built(self) -> Self:
        if self.method not in known_methods():
            raise ValueError(f"setting 'pruning.method' is {self.method!r}; allowed: {' | '.join(known_methods())}")
        self.build_method()  # checks what the method uses
        return self

    def build_method(self) -> PruningMethod:
        """Return the pruning method; a factor ``paper`` is the best that the paper names for the function.

        Raises
        ------
        PruningError
            If a setting that the method uses is out of range.
        """
        settings = MethodSettings(
            function=self.function,
            threshold=self.threshold,
            factor_time=None if self.factor_time == "paper" else self.factor_time,
            factor_neurons=None if self.factor_neurons == "paper" else self.factor_neurons,
            spike_interval=self.spike_interval,
            grouping=self.grouping,
            connectivity=self.connectivity,
            redundant=self.redundant,
            strategy=self.strategy,
            spike_threshold=self.spike_threshold,
            neurons_removed=self.neurons_removed,
            rescale=self.rescale,
            gain=self.gain,
            first_gain=self.first_gain,
            start=self.start,
            batch=self.batch,
        )
        return build_method(self.method, settings)


class Settings(Section):
    """Everything that determines a run, and where it came from.

    Sections are models too, so ``settings.network.tau_m_ms`` reads a value. An object cannot be changed;
    build another with `lavaprune.configuration.build_settings`.
    """

    dataset: DatasetName = Field(default="digits", description="data set")
    preset: str = Field(default="none", description="preset the settings started from")
    neurons: int = Field(default=100, ge=1, le=65536, description="excitatory neurons")
    train_images: Images = Field(default="all", description="training images of a pass")
    passes: int = Field(1, ge=1, le=10**6, description="times the training images are presented, in their order")
    test_images: Images = Field(default="all", description="test images")
    label_images: Images = Field(default="all", description="training images that label the neurons")
    validation_images: int = Field(
        default=0,
        ge=0,
        le=10**9,
        description="last training images, kept from learning, that replace the test images",
    )
    steps: int = _physical("steps", "steps of 1 ms per image")
    seed: int = _physical("seed", "seed of every random draw")
    engine: Literal["fused", "graph"] = Field(default="fused", description="engine")
    samples_per_step: int = Field(default=250, ge=1, le=4096, description="images in one Lava step of the fused engine")
    checkpoint_images: int = Field(default=10_000, ge=1, le=10**9, description="images between two checkpoints")
    metrics_images: int = Field(default=1_000, ge=1, le=10**9, description="images between two lines of metrics.jsonl")
    pictures: bool = Field(True, description="draw weights, raster, history and confusion into the RUN folder")
    network: NetworkSettings = NetworkSettings()
    encoding: EncodingSettings = EncodingSettings()
    learning: LearningSettings = LearningSettings()
    pruning: PruningSettings = PruningSettings()

    @model_validator(mode="after")
    def _parameters_fit_together(self) -> Self:
        self.network_parameters(n_inputs=1)
        rate, most = self.learning.mu_post * self.pruning.potentiation, PARAMETER_RANGES["mu_post"][1]
        if rate > most:
            raise ValueError(f"setting 'pruning.potentiation' makes mu_post {rate:g}; allowed: up to {most:g}")
        return self

    def network_parameters(self, n_inputs: int) -> NetworkParameters:
        """Return the physical parameters of the network with `n_inputs` inputs.

        Raises
        ------
        ValueError
            If the parameters do not fit together (see `NetworkParameters`).
        """
        values: dict[str, Any] = {"steps": self.steps, "seed": self.seed}
        for section in (self.network, self.encoding, self.learning):
            values |= {name: value for name, value in section.model_dump().items() if name in _DEFAULTS}
        return NetworkParameters(n_inputs=n_inputs, n_neurons=self.neurons, **values)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as nested dicts of TOML values: complete, in a fixed order."""
        return self.model_dump()

    def sha256(self) -> str:
        """Return the SHA-256 of all settings, in hexadecimal: two runs with the same one are the same run.

        `LATER_PRUNING` is left out at its defaults, so that the digests of earlier runs stay the same.
        """
        values = self.to_dict()
        for name in LATER_PRUNING:
            if values["pruning"][name] == PruningSettings.model_fields[name].default:
                del values["pruning"][name]
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()
