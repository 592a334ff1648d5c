"""Which neurons do the same as others: similarity of weights, and the removal of near-duplicates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.method import PruningEvent


def cosine_squared(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Squared cosines between the weights of every two neurons.

    Parameters
    ----------
    weights : float64 array, shape (I, N)
        Integers, 0..255.

    Returns
    -------
    float64 array, shape (N, N)
        0..1; 0 on the diagonal, and for neurons without weights. The products are sums of integers below 2**53, exact
        in any order; what follows are single operations of IEEE 754.
    """
    products = weights.T @ weights
    own = np.maximum(np.diagonal(products), 1.0)
    squares = (products / own[:, np.newaxis]) * (products / own[np.newaxis, :])
    squares = np.minimum(squares, squares.T)  # the same for (i, k) as for (k, i), whatever was rounded
    np.fill_diagonal(squares, 0.0)
    return np.minimum(squares, 1.0)


def without_redundant(event: PruningEvent, removed: int) -> npt.NDArray[np.bool_]:
    """Neurons that stay when `removed` of all are to be gone, shape (N,).

    Neurons without a synapse are gone already. Then, of the two most similar ones left, the one with fewer spikes goes
    (of equals the later), until there are enough; at least one neuron stays.
    """
    alive = event.conducts.any(axis=0)
    missing = min(removed - int(np.count_nonzero(~alive)), int(np.count_nonzero(alive)) - 1)
    if missing <= 0:
        return alive
    likeness = cosine_squared(event.weights * alive.astype(np.float64))
    likeness[~alive] = -1.0
    likeness[:, ~alive] = -1.0
    np.fill_diagonal(likeness, -1.0)
    nearest = likeness.argmax(axis=1)
    best = likeness.max(axis=1)
    for _ in range(missing):
        first = int(best.argmax())
        pair = sorted((first, int(nearest[first])))
        gone = pair[0] if event.spike_counts[pair[0]] < event.spike_counts[pair[1]] else pair[1]
        alive[gone] = False
        likeness[gone], likeness[:, gone], best[gone] = -1.0, -1.0, -1.0
        for i in np.flatnonzero(alive & (nearest == gone)):
            nearest[i] = likeness[i].argmax()
            best[i] = likeness[i, nearest[i]]
    return alive
