"""Counters by name, and the paper's synaptic operations from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.energy.counts import COUNTER_NAMES, N_COUNTERS, EventCounts, counter_index
from lavaprune.energy.errors import CountsError

# The order is a contract with both engines and with saved checkpoints, so it is written out here.
NAMES = (
    "input_spikes exc_spikes inh_spikes input_accumulations exc_inh_accumulations lateral_accumulations "
    "depression_updates depression_live depression_changed potentiation_updates potentiation_live "
    "potentiation_changed exc_updates_active exc_updates_inactive inh_updates_active inh_updates_inactive "
    "normalisation_operations controller_operations"
).split()

vectors = st.lists(st.integers(0, 2**61), min_size=len(NAMES), max_size=len(NAMES))


def test_order_of_the_counters() -> None:
    assert list(COUNTER_NAMES) == NAMES
    assert [counter_index(name) for name in NAMES] == list(range(18))
    assert N_COUNTERS == 18


@given(vectors)
def test_vector_and_names_agree(vector: list[int]) -> None:
    counts = EventCounts.from_vector(np.array(vector, dtype=np.int64))
    assert [getattr(counts, name) for name in NAMES] == vector
    assert counts.to_dict() == dict(zip(NAMES, vector, strict=True))
    assert counts.to_vector().dtype == np.int64
    assert counts.to_vector().tolist() == vector


@given(vectors, vectors)
def test_addition_is_by_counter(a: list[int], b: list[int]) -> None:
    total = EventCounts(*a) + EventCounts(*b)
    assert total.to_vector().tolist() == [x + y for x, y in zip(a, b, strict=True)]
    assert EventCounts(*a) + EventCounts() == EventCounts(*a)


def test_sops_by_the_papers_definition() -> None:
    # Powers of ten show which counters are in a sum and that each is there once.
    counts = EventCounts(**{name: 10**i for i, name in enumerate(NAMES)})
    assert counts.inference_sops() == 111_000
    assert counts.inference_sops(with_lateral=False) == 1_000
    assert counts.training_sops() == 1_001_111_000
    assert counts.training_sops(with_lateral=False) == 1_001_001_000
    assert counts.sop_components() == {
        "input": 10**3,
        "lateral": 10**4 + 10**5,
        "depression": 10**6,
        "potentiation": 10**9,
        "controller": 10**17,
    }


@given(vectors)
def test_sop_components_add_up_to_training(vector: list[int]) -> None:
    counts = EventCounts(*vector)
    parts = counts.sop_components()
    assert sum(parts.values()) - parts["controller"] == counts.training_sops()


@pytest.mark.parametrize("value", [-1, 1.0, True, "3", None, 2**63])
def test_bad_counts_are_refused(value: object) -> None:
    with pytest.raises(CountsError, match=r"event counts: exc_spikes is .*allowed: an integer 0 \.\."):
        EventCounts(exc_spikes=value)  # type: ignore[arg-type]


def test_bad_vectors_and_names_are_refused() -> None:
    with pytest.raises(CountsError, match=r"shape \(17,\); allowed: \(18,\)"):
        EventCounts.from_vector(np.zeros(17, dtype=np.int64))
    with pytest.raises(CountsError, match="input_spikes is 0.0"):
        EventCounts.from_vector(np.zeros(18))
    with pytest.raises(CountsError, match="no counter 'spikes'; known: input_spikes, "):
        counter_index("spikes")
