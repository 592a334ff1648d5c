"""SD-SNN's formulas by hand, each once, and what the methods of structural plasticity keep to."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")

from lavaprune.pruning.errors import PruningError  # noqa: E402
from lavaprune.pruning.structural.layers import find_layers  # noqa: E402
from lavaprune.pruning.structural.plasticity import StructuralPlasticity  # noqa: E402
from lavaprune.pruning.structural.ranges import Ranges  # noqa: E402
from lavaprune.pruning.structural.rates import grown_rate  # noqa: E402
from lavaprune.pruning.structural.registry import build_plasticity  # noqa: E402
from lavaprune.pruning.structural.regrowth import percentile, regrown  # noqa: E402
from lavaprune.pruning.structural.schedule import Schedule  # noqa: E402
from lavaprune.pruning.structural.settings import METHODS, StructuralSettings  # noqa: E402
from lavaprune.pruning.structural.units import importance, lowest_units, nearly_empty  # noqa: E402


def tensor(*values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float64)


def test_first_range_is_the_largest_weight_of_the_layer() -> None:
    ranges = Ranges.first(tensor([0.2, -0.9], [0.5, 0.1]))
    assert ranges.high.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert ranges.low.tolist() == [[-0.5, -0.5], [-0.5, -0.5]]
    assert Ranges.first(tensor(-0.3, -0.1)).high.tolist() == [0.3, 0.3]  # no positive weight


def test_expansion_by_hand() -> None:
    """Window 2. The last epoch of all had w = R+ = 1: at 1.5 and 1.25 the window is full, R+ rises by .75 / 2."""
    ranges = Ranges.first(tensor(1.0, 0.5))
    ranges.update(tensor(1.5, 0.5), window=2)
    assert ranges.high.tolist() == [1.0, 1.0]
    ranges.update(tensor(1.25, 0.5), window=2)
    assert ranges.high.tolist() == [1.375, 1.0]
    assert ranges.low.tolist() == [-1.0, -1.0]
    # 1.25 was below the new R+, so 2.0 is only the first epoch at or above it and does not count yet
    ranges.update(tensor(2.0, 0.5), window=2)
    ranges.update(tensor(2.0, 0.5), window=2)
    assert ranges.high.tolist() == [1.375, 1.0]
    ranges.update(tensor(1.5, 0.5), window=2)  # excess .625 and .125
    assert ranges.high.tolist() == [1.375 + 0.375, 1.0]


def test_expansion_downwards_and_reset_by_hand() -> None:
    """Window 2, R- = -1. -1.5 counts nothing yet, -2 counts 1.0, back inside resets, and then it starts anew."""
    ranges = Ranges.first(tensor(0.0, 1.0))
    for weight in (-1.5, -2.0, -0.5, -1.5, -2.0):
        ranges.update(tensor(weight, 1.0), window=2)
    assert ranges.low.tolist() == [-1.0, -1.0]
    ranges.update(tensor(-1.5, 1.0), window=2)  # excess -1.0 and -0.5 in a row
    assert ranges.low.tolist() == [-1.75, -1.0]


def test_contraction_by_hand() -> None:
    """Window 2: magnitudes 4, 3, 2, 1 fall three times; the first fall has none before it."""
    ranges = Ranges.first(tensor(4.0, -4.0, 4.0))
    for weight in (3.0, 2.0):
        ranges.update(tensor(weight, -weight, 4.0), window=2)
    assert ranges.high.tolist() == [4.0, 4.0, 4.0]
    ranges.update(tensor(1.0, -1.0, 4.0), window=2)
    assert ranges.high.tolist() == [3.0, 3.0, 4.0]
    assert ranges.low.tolist() == [-3.0, -3.0, -4.0]


def test_clamping_by_hand() -> None:
    weights = tensor(2.0, -0.25, -9.0)
    Ranges.first(tensor(1.0, 0.5, 0.0)).clamp(weights)
    assert weights.tolist() == [1.0, -0.25, -1.0]


def test_importance_and_lowest_units_by_hand() -> None:
    """Widths 1, 2, 3, 5 become 0, 1/4, 1/2, 1. A pruned input adds nothing."""
    high, low = tensor([0.5, 1.0], [1.0, 4.0]), tensor([-0.5, -1.0], [-2.0, -1.0])
    live = torch.tensor([[True, True], [True, True]])
    assert importance(high, low, live).tolist() == [0.25, 1.5]
    live[1, 1] = False
    assert importance(high, low, live).tolist() == [0.25, 0.5]
    # equal ranges: live inputs count
    assert importance(torch.ones(2, 2), -torch.ones(2, 2), live).tolist() == [2.0, 1.0]
    assert lowest_units(tensor(3.0, 1.0, 2.0, 1.0), 0.75).tolist() == [1, 3, 2]
    assert lowest_units(tensor(3.0, 1.0, 2.0, 1.0), 0.74).tolist() == [1, 3]
    assert len(lowest_units(torch.zeros(300), 0.35)) == 105  # 0.35 * 300 in binary is a little less
    assert nearly_empty(torch.tensor([[True, True], [True, False], [False, False]]), 2) == 2
    assert nearly_empty(torch.tensor([[True, True], [True, False], [False, False]]), 0) == 1


def test_rates_by_hand() -> None:
    """FC with 300 units, 105 without inputs, 10 classes, alpha 1 percent: 35 + 195 / 10 = 54.5 percent."""
    assert grown_rate(0.35, 1.0, left=195, next_left=10) == pytest.approx(0.545, abs=1e-15)
    assert grown_rate(0.9, 1.0, left=195, next_left=10) == 1.0
    assert grown_rate(0.05, 1.0, left=38, next_left=0) == 0.05
    schedule = Schedule.of(StructuralSettings(epochs=300))
    assert schedule.fc_growth_percent(37, 1.0, 7.5e-4) == 1.0
    assert schedule.fc_growth_percent(39, 1.0, 7.5e-4) == pytest.approx(math.exp(-2))
    assert schedule.fc_growth_percent(60, 1.0, 7.5e-4) == pytest.approx(math.exp(-23))
    assert schedule.fc_growth_percent(61, 1.0, 7.5e-4) == 7.5e-4
    assert schedule.conv_growth_percent(47) == pytest.approx(math.exp(-2))


def test_percentile_of_regrowth_by_hand() -> None:
    schedule = Schedule.of(StructuralSettings(epochs=300))
    assert schedule.percentile(37, 60.0) == 61.0
    assert schedule.percentile(39, 65.0) == pytest.approx(66.21)
    assert schedule.percentile(76, 60.0) == 99.0  # 1.1**39 = 41.1
    assert percentile(tensor(4.0, 1.0, 3.0, 2.0), 50.0) == 2.5
    assert percentile(tensor(7.0), 99.0) == 7.0


def test_regrowth_of_synapses_by_hand() -> None:
    """Median of 1, 2, 3, 4, 5 is 3. Wait 1: the pruned 5 comes back at its second epoch in a row; 4 is live."""
    values = tensor([1.0, 2.0, 3.0, 4.0, 5.0])[:, :, None]
    dead = torch.tensor([[True, True, True, False, True]])
    waited = torch.zeros(1, 5, dtype=torch.int16)
    assert not regrown(values, dead, waited, 50.0, wait=1).any()
    assert waited.tolist() == [[0, 0, 0, 0, 1]]
    assert regrown(values, dead, waited, 50.0, wait=1).tolist() == [[False, False, False, False, True]]
    assert waited.tolist() == [[0, 0, 0, 0, 0]]


def test_regrowth_of_kernels_by_their_signed_sum() -> None:
    """Kernels (3, -3), (1, 1), (-4, -4): sums 0, 2, -8, magnitudes 6, 2, 8."""
    values = tensor([[3.0, -3.0], [1.0, 1.0], [-4.0, -4.0]])
    dead = torch.ones(1, 3, dtype=torch.bool)
    assert regrown(values, dead, torch.zeros(1, 3, dtype=torch.int16), 50.0, 0).tolist() == [[False, True, False]]
    by_size = regrown(values, dead, torch.zeros(1, 3, dtype=torch.int16), 50.0, 0, magnitude=True)
    assert by_size.tolist() == [[False, False, True]]


def test_a_short_schedule_goes_through_every_phase() -> None:
    """30 epochs stand for 300: an epoch for ten, starts at 1 and 3; windows are 5 at least."""
    schedule = Schedule.of(StructuralSettings(epochs=30))
    assert (schedule.constraint_from, schedule.pruning_from, schedule.window) == (1, 3, 5)
    assert (schedule.wait_fc, schedule.wait_conv) == (1, 2)
    assert list(schedule.clock(3)) == list(range(10))
    assert list(schedule.clock(5)) == list(range(20, 30))
    expected = sum(math.exp(-t) for t in range(20, 24)) + 6 * 7.5e-4
    assert schedule.fc_growth_percent(5, 1.0, 7.5e-4) == pytest.approx(expected)
    assert Schedule.of(StructuralSettings(epochs=300)).clock(37) == range(0, 1)
    assert Schedule.of(StructuralSettings(epochs=1)).pruning_from == 1


@given(epochs=st.integers(1, 900), start=st.none() | st.integers(1, 900))
def test_every_published_epoch_counts_once(epochs: int, start: int | None) -> None:
    schedule = Schedule.of(StructuralSettings(epochs=epochs, start_epoch=start))
    first = schedule.pruning_from
    clocks = [t for epoch in range(first, first + 50) for t in schedule.clock(epoch)]
    assert clocks == list(range(len(clocks)))
    quantiles = [schedule.percentile(epoch, 60.0) for epoch in range(first, first + 50)]
    assert quantiles == sorted(quantiles)
    assert min(quantiles) >= 61.0
    assert max(quantiles) <= 99.0


def small_model(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3), torch.nn.Flatten(), torch.nn.Linear(12, 8), torch.nn.Linear(8, 4)
    ).double()


def disturb(model: Any, seed: int, size: float = 0.05) -> None:
    """Stands for an epoch's training, and leaves gradients behind."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data += size * noise
        parameter.grad = noise


def run(model: Any, plasticity: StructuralPlasticity, epochs: range) -> list[Any]:
    changes = []
    for epoch in epochs:
        disturb(model, 1000 + epoch)
        plasticity.after_step()
        changes.append(plasticity.end_epoch(epoch))
    return changes


@pytest.mark.parametrize("method", METHODS)
def test_resuming_changes_nothing(method: str) -> None:
    """Stop anywhere, through a file read with weights_only, into new objects: the same bits in the end."""
    config = StructuralSettings(method=method, epochs=12, rate_fc=0.4, rate_conv=0.34, sparse_unit_inputs=2)
    whole = small_model()
    expected = build_plasticity(whole, ["0", "2"], config)
    run(whole, expected, range(12))
    for stop in (1, 4, 9):
        first = small_model()
        before = build_plasticity(first, ["0", "2"], config)
        run(first, before, range(stop))
        stream = io.BytesIO()
        torch.save({"model": first.state_dict(), "plasticity": before.state_dict()}, stream)
        stream.seek(0)
        saved = torch.load(stream, weights_only=True)
        second = small_model(seed=9)
        after = build_plasticity(second, ["0", "2"], config)
        second.load_state_dict(saved["model"])
        after.load_state_dict(saved["plasticity"])
        run(second, after, range(stop, 12))
        for name, value in whole.state_dict().items():
            assert torch.equal(value, second.state_dict()[name]), (stop, name)
        assert str(expected.state_dict()) == str(after.state_dict())


@pytest.mark.parametrize("method", ["magnitude", "set", "rigl"])
def test_baselines_reach_their_connectivity_exactly_and_hold_it(method: str) -> None:
    model = small_model()
    config = StructuralSettings(method=method, epochs=20, connectivity_fc=0.25, connectivity_conv=1 / 3)
    plasticity = build_plasticity(model, ["0", "2"], config)
    changes = run(model, plasticity, range(20))
    live = {name: int(mask.sum()) for name, mask in plasticity.masks.items()}
    assert live == {"0": 36, "2": 24}  # of 108 and 96
    disturb(model, 1)
    plasticity.after_step()
    for layer in plasticity.layers:
        assert int(layer.weight.count_nonzero()) == live[layer.name]
    moved = sum(sum(change.regrown.values()) for change in changes)
    assert (moved == 0) == (method == "magnitude")


def test_magnitude_pruning_takes_the_smallest() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 1, bias=False))
    model[0].weight.data = torch.tensor([[0.1, -3.0, 2.0, -0.2]])
    plasticity = build_plasticity(
        model, ["0"], StructuralSettings(method="magnitude", epochs=4, connectivity_fc=0.5, start_epoch=3)
    )
    plasticity.end_epoch(2)
    assert plasticity.masks["0"].all()
    change = plasticity.end_epoch(3)
    assert model[0].weight.tolist() == [[0.0, -3.0, 2.0, 0.0]]
    assert (change.pruned, change.regrown) == ({"0": 2}, {"0": 0})


def test_rigl_grows_where_the_gradient_is_largest_and_drops_the_smallest() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(6, 1, bias=False))
    config = StructuralSettings(method="rigl", epochs=100, connectivity_fc=0.5, turnover=0.4, seed=1)
    plasticity = build_plasticity(model, ["0"], config)
    live = plasticity.masks["0"][0]
    kept = live.nonzero().flatten().tolist()
    free = (~live).nonzero().flatten().tolist()
    model[0].weight.data[0, kept] = torch.tensor([5.0, -0.5, 3.0])
    model[0].weight.grad = torch.full((1, 6), 9.0)
    model[0].weight.grad[0, free] = torch.tensor([0.1, -4.0, 1.0])
    plasticity.end_epoch(0)  # floor(0.4 * 3) = 1 moves
    assert sorted(live.nonzero().flatten().tolist()) == sorted([kept[0], kept[2], free[1]])
    assert float(model[0].weight[0, free[1]].detach()) == 0.0
    model[0].weight.grad = None
    with pytest.raises(PruningError, match="no gradient"):
        plasticity.end_epoch(1)


def test_magnitude_regrowth_brings_back_strong_inhibition() -> None:
    for regrow_by, expected in (("signed", 0), ("magnitude", 1)):
        model = torch.nn.Sequential(torch.nn.Linear(4, 2, bias=False)).double()
        model[0].weight.data = tensor([1.0, 1.0, 1.0, 1.0], [0.1, 0.1, 0.1, 0.1])
        config = StructuralSettings(
            epochs=300, start_epoch=1, rate_fc=0.5, regrow_by=regrow_by, published_wait_fc=0, constraint=False
        )
        plasticity = build_plasticity(model, ["0"], config)
        plasticity.end_epoch(0)
        plasticity.end_epoch(1)
        assert plasticity.masks["0"].tolist() == [[False] * 4, [True] * 4]
        model[0].weight.data[0, 2] = -5.0
        change = plasticity.end_epoch(2)
        assert change.regrown == {"0": expected}


def test_masks_inside_the_epoch() -> None:
    """torch's own pruning holds the weights at 0: the forward pass does not see what training did to them."""
    model = torch.nn.Sequential(torch.nn.Linear(5, 4)).double()
    config = StructuralSettings(epochs=10, start_epoch=1, rate_fc=0.5, masks_in_epoch=True, remove_biases=True)
    plasticity = build_plasticity(model, ["0"], config)
    for epoch in range(2):
        disturb(model, epoch)
        plasticity.end_epoch(epoch)
    assert torch.nn.utils.prune.is_pruned(model)
    empty = ~plasticity.masks["0"].any(dim=1)
    assert int(empty.sum()) == 2
    model[0].weight_orig.data += 1.0
    out = model(torch.ones(1, 5, dtype=torch.float64))
    assert torch.equal(out[0] == 0, empty)


def test_units_without_inputs_lose_their_biases_only_where_asked() -> None:
    for remove in (False, True):
        model = torch.nn.Sequential(torch.nn.Linear(5, 4)).double()
        model[0].bias.data += 1.0
        config = StructuralSettings(epochs=10, start_epoch=1, rate_fc=0.5, remove_biases=remove)
        plasticity = build_plasticity(model, ["0"], config)
        plasticity.end_epoch(0)
        plasticity.end_epoch(1)
        assert int((model[0].bias == 0).sum()) == (2 if remove else 0)


@pytest.mark.parametrize("layer", [(1, 1), (3, 1), (1, 3), (4, 0), (0, 4)])
@pytest.mark.parametrize("method", METHODS)
def test_layers_of_one_or_no_unit(method: str, layer: tuple[int, int]) -> None:
    with np.errstate(all="ignore"), pytest.warns() if 0 in layer else _no_warning():
        model = torch.nn.Sequential(torch.nn.Linear(*layer)).double()
    config = StructuralSettings(method=method, epochs=6, rate_fc=1.0, regrow=False)
    plasticity = build_plasticity(model, ["0"], config)
    run(model, plasticity, range(6))
    share = plasticity.connectivity()["0"]
    assert 0.0 <= share <= 1.0
    if method == "sdsnn" and 0 not in layer:
        assert share == 0.0


def _no_warning() -> Any:
    import contextlib

    return contextlib.nullcontext()


def test_errors_in_one_line() -> None:
    model = small_model()
    with pytest.raises(PruningError, match=r"no layer 'fc9' with weights; known: 0, 2, 3"):
        find_layers(model, ["fc9"])
    with pytest.raises(PruningError, match="named twice"):
        find_layers(model, ["0", "0"])
    with pytest.raises(PruningError, match="no layers named"):
        find_layers(model, [])
    for name, value in (("rate_fc", 1.5), ("rate_conv", -0.1), ("rate_fc", math.nan), ("turnover", "x")):
        with pytest.raises(PruningError, match=rf"{name} is .*; allowed: 0 .. 1"):
            StructuralSettings(**{name: value})
    with pytest.raises(PruningError, match=r"method is 'x'; allowed: sdsnn \| none"):
        StructuralSettings(method="x")
    with pytest.raises(PruningError, match="start_epoch is 0"):
        StructuralSettings(start_epoch=0)
    config = StructuralSettings(epochs=5)
    plasticity = build_plasticity(model, ["2"], config)
    other = build_plasticity(model, ["0"], config)
    with pytest.raises(PruningError, match="state's layers"):
        other.load_state_dict(plasticity.state_dict())
    wider = build_plasticity(torch.nn.ModuleDict({"2": torch.nn.Linear(13, 8)}), ["2"], config)
    with pytest.raises(PruningError, match=r"has shape \(8, 12\); allowed: \(8, 13\)"):
        wider.load_state_dict(plasticity.state_dict())
    with pytest.raises(PruningError, match="state's method none"):
        build_plasticity(model, ["2"], config).load_state_dict(
            build_plasticity(model, ["2"], StructuralSettings(method="none")).state_dict()
        )
    with pytest.raises(PruningError, match="not one of SD-SNN"):
        plasticity.load_state_dict({**plasticity.state_dict(), "own": {}})
    model[2].weight.data[0, 0] = math.nan
    with pytest.raises(PruningError, match="no finite numbers after epoch 0"):
        plasticity.end_epoch(0)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**20), method=st.sampled_from(METHODS), epochs=st.integers(2, 9))
def test_what_is_pruned_is_zero_and_changes_add_up(seed: int, method: str, epochs: int) -> None:
    model = small_model(seed)
    config = StructuralSettings(method=method, epochs=epochs, rate_fc=0.5, rate_conv=0.5, seed=seed)
    plasticity = build_plasticity(model, ["0", "2"], config)
    live = {name: int(mask.sum()) for name, mask in plasticity.masks.items()}
    for change in run(model, plasticity, range(epochs)):
        for name in live:
            live[name] += change.regrown[name] - change.pruned[name]
    for layer in plasticity.layers:
        mask = plasticity.masks[layer.name]
        assert live[layer.name] == int(mask.sum())
        assert not layer.weight[~mask].any()
