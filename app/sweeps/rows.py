"""The columns of the results of a sweep, and how a run becomes a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lavaprune.settings import Settings
from lavaprune.sweeps.identity import canonical, used_pruning_settings

KEY = "config_sha256"

_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in (KEY, "preset", "dataset", "inhibition", "data_sha256")),
        *((name, _WHOLE) for name in ("neurons", "seed", "steps", "passes")),
        *((name, _WHOLE) for name in ("train_images", "label_images", "test_images", "validation_images")),
        # pruning settings: null where the method does not use them
        *((name, _TEXT) for name in ("method", "function", "grouping", "strategy", "rescale")),
        *((name, _REAL) for name in ("threshold", "factor_time", "factor_neurons")),
        *((name, _REAL) for name in ("connectivity_target", "redundant", "spike_threshold")),
        *((name, _REAL) for name in ("gain", "first_gain", "potentiation")),
        *((name, _WHOLE) for name in ("spike_interval", "neurons_removed", "start", "batch")),
        ("settings_json", _TEXT),
        # measured; those of this line are shares, 0..1
        *((name, _REAL) for name in ("accuracy", "connectivity", "plastic_share", "nonzero_weights")),
        *((name, _REAL) for name in ("training_sops_per_image", "inference_sops_per_image")),
        *((name, _REAL) for name in ("training_sops_per_image_without_lateral",)),
        *((name, _REAL) for name in ("inference_sops_per_image_without_lateral",)),
        # events of the whole phase
        *((f"training_{name}", _WHOLE) for name in ("input", "lateral", "depression", "potentiation", "controller")),
        *((f"inference_{name}", _WHOLE) for name in ("input", "lateral")),
        *((name, _WHOLE) for name in ("input_spikes_training", "exc_spikes_training")),
        *((name, _WHOLE) for name in ("input_spikes_inference", "exc_spikes_inference")),
        ("normalisation_operations", _WHOLE),
        ("counts_json", _TEXT),
        ("event_images", pa.list_(_WHOLE)),
        ("event_connectivity", pa.list_(_REAL)),
        ("event_plastic_share", pa.list_(_REAL)),
        *((name, _WHOLE) for name in ("images_before", "images_after")),
        *((f"seconds_{name}", _REAL) for name in ("train_before", "train_after", "controller", "label", "test")),
        *((name, _TEXT) for name in ("weights_sha256", "version")),
    ],
    metadata={"lavaprune.sweep": "1"},
)


def settings_json(settings: Settings) -> str:
    """All settings as JSON in a fixed form."""
    return json.dumps(settings.to_dict(), sort_keys=True, separators=(",", ":"))


def make_row(
    settings: Settings, result: Mapping[str, Any], course: Mapping[str, Any], data_sha256: str
) -> dict[str, Any]:
    """A row of the results.

    Parameters
    ----------
    settings : Settings
        As they were asked for; the row's key is that of their canonical form.
    result : mapping
        What `lavaprune.training.result.build_result` gave.
    course : mapping
        The attributes of a `lavaprune.sweeps.single_run.Course`.
    data_sha256 : str
        Of the data without validation images.
    """
    own = canonical(settings)
    pruning = used_pruning_settings(settings)
    training, inference = result["counts"]["training"], result["counts"]["inference"]
    sops = result["sops"]
    row: dict[str, Any] = {
        KEY: own.sha256(),
        "data_sha256": data_sha256,
        "settings_json": settings_json(own),
        **{name: result[name] for name in SCHEMA.names if name in result},
        **{name: value for name, value in pruning.items() if name != "connectivity"},
        "connectivity_target": pruning.get("connectivity"),
        "training_sops_per_image": sops["training_per_image"],
        "inference_sops_per_image": sops["inference_per_image"],
        "training_sops_per_image_without_lateral": sops["training_per_image_without_lateral"],
        "inference_sops_per_image_without_lateral": sops["inference_per_image_without_lateral"],
        **{f"training_{name}": value for name, value in sops["training"].items()},
        **{f"inference_{name}": value for name, value in sops["inference"].items()},
        "input_spikes_training": training["input_spikes"],
        "exc_spikes_training": training["exc_spikes"],
        "input_spikes_inference": inference["input_spikes"],
        "exc_spikes_inference": inference["exc_spikes"],
        "normalisation_operations": training["normalisation_operations"],
        "counts_json": json.dumps({"training": training, "inference": inference}, separators=(",", ":")),
        **{name: value for name, value in course.items() if not name.startswith("seconds")},
        "seconds_train_before": course["seconds_before"],
        "seconds_train_after": course["seconds_after"],
        "seconds_controller": course["seconds_controller"],
        "seconds_label": result["seconds"]["label"],
        "seconds_test": result["seconds"]["test"],
    }
    return {name: row.get(name) for name in SCHEMA.names}
