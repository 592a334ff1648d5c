"""Synaptic updates of Lava's learning connections."""

from __future__ import annotations

from typing import Any

import numpy as np


def pending_updates(model: Any) -> int:
    """Count the updates that the learning epoch which ends now will make.

    One for each synapse, each synaptic variable with a rule (weight, delay, tag), and each condition of that rule that
    holds: ``x0``, the input spiked in the epoch; ``y0``, the neuron spiked; ``u``, always, or in every 2**k-th epoch.
    Synapses of weight zero learn as well and count.

    Parameters
    ----------
    model : PyLearningConnection
        A running model (``lava/magma/core/model/py/connection.py``), before its ``run_lrn``.

    Returns
    -------
    int
    """
    rule = model._learning_rule
    by_input, by_neuron = _synapses(model.weights)
    updates = 0
    for series in rule.active_product_series.values():
        conditions = {product.dependency for product in series.products}
        if "x0" in conditions:
            updates += int(by_input[model.tx > 0].sum())
        if "y0" in conditions:
            updates += int(by_neuron[model.ty > 0].sum())
        if "u" in conditions and int(model.time_step / rule.t_epoch) % 2**rule.decimate_exponent == 0:
            updates += int(by_input.sum())
    return updates


def _synapses(weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Stored synapses of each input, and of each neuron."""
    if isinstance(weights, np.ndarray):
        n_neurons, n_inputs = weights.shape
        return np.full(n_inputs, n_neurons, np.int64), np.full(n_neurons, n_inputs, np.int64)
    stored = weights.tocsr()
    by_input = np.bincount(stored.indices, minlength=stored.shape[1])
    return by_input, np.diff(stored.indptr)
