"""Chips: the numbers in their files, and one-line refusals of malformed ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from lavaprune.energy.chip import BUILT_IN_FOLDER, FEATURE_STATUSES, NUMBER_QUALITIES, known_chips, load_chip, read_chip
from lavaprune.energy.errors import ChipError
from lavaprune.energy.feature_support import feature_findings
from lavaprune.energy.winner_take_all_network import winner_take_all_network

GOOD = (BUILT_IN_FOLDER / "loihi1.toml").read_text()


def test_loihi_1() -> None:
    chip = load_chip("loihi1")
    assert chip.limit("cores_per_chip") == 128
    assert chip.limit("compartments_per_core") == 1024
    assert chip.limit("input_axons_per_core") == chip.limit("output_axons_per_core") == 4096
    assert chip.limit("memory_bits_per_core") == 16_384 * 64 == 128 * 1024 * 8
    assert chip.encoding.weight_widths == (0, 1, 2, 3, 4, 5, 6, 8)
    assert not chip.memory_is_shared
    assert not chip.of_quality("unpublished")


def test_loihi_2() -> None:
    chip = load_chip("loihi2")
    assert chip.limit("memory_bits_per_core") == 192 * 1024 * 8
    assert chip.limit("compartments_per_core") == 8192
    assert chip.memory_is_shared
    assert chip.of_quality("unpublished") == ("input_axons_per_core", "output_axons_per_core")
    assert chip.limit("input_axons_per_core") is None
    # the encoding is Loihi 1's, and called an assumption
    assert {"synapses_per_block", "block_overhead_bits", "memory_word_bits"} <= set(chip.of_quality("assumed"))


@pytest.mark.parametrize("name", known_chips())
def test_every_chip_cites_its_numbers_and_knows_our_features(name: str) -> None:
    chip = load_chip(name)
    for number in chip.numbers.values():
        assert number.quality in NUMBER_QUALITIES
        assert number.source
        assert (number.value is None) == (number.quality == "unpublished")
    for feature in feature_findings(winner_take_all_network(3, 2), chip):
        assert feature.feature in chip.features
        assert feature.status in FEATURE_STATUSES


def test_an_unknown_feature_is_not_taken_to_map() -> None:
    support = load_chip("loihi1").support("quantum_leaps")
    assert support.status == "no"
    assert "nothing is known" in support.reason


def test_unknown_chip() -> None:
    with pytest.raises(ChipError, match=r"chip 'loihi3' is unknown; known: loihi1, loihi2$"):
        load_chip("loihi3")
    with pytest.raises(ChipError, match="unknown"):
        load_chip("../profiles/loihi1-davies2018")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "loihi1"', 'name = "loihi9"', "name is 'loihi9'; allowed: the file's own name, 'loihi1'"),
        ("memory_is_shared = false", "memory_is_shared = 0", "memory_is_shared is 0; allowed: true, false"),
        ("memory_is_shared = false", "", "memory_is_shared is None"),
        ('title = "Intel Loihi 1"', 'title = " "', "title is ' '; allowed: a text"),
        ("value = 128\n", "value = 0\n", "cores_per_chip.value is 0; allowed: an integer 1"),
        ("value = 128\n", "value = 128.0\n", "cores_per_chip.value is 128.0"),
        ("value = 128\n", "value = true\n", "cores_per_chip.value is True"),
        ("value = 128\n", "value = 129\n", "cores_per_chip is 129; allowed: up to 32 tiles of 4"),
        ("value = 128\n", "", "cores_per_chip.value is None"),
        ("value = 1024\n", "value = 8192\n", "compartments_per_core is 8192; allowed: up to 4096"),
        ('value = 1024\nquality = "published"', 'quality = "unpublished"', "compartments_per_core.quality is 'unpub"),
        ('value = 4096\nquality = "software"', 'value = 4096\nquality = "unpublished"', "value is 4096; allowed: none"),
        ('quality = "derived"', 'quality = "guessed"', "quality is 'guessed'; allowed: published, software"),
        ('quality = "derived"', "quality = []", r"quality is \[\]"),
        ("[numbers.trace_bits]", "[numbers.trails]", "numbers: unknown 'trails'"),
        ("[numbers.cores_per_chip]", "[other.cores_per_chip]", "unknown 'other'"),
        ("value = [0, 1, 2, 3, 4, 5, 6, 8]", "value = [0, 2, 1]", r"weight_widths.value is \[0, 2, 1\]; allowed: asc"),
        ("value = [0, 1, 2, 3, 4, 5, 6, 8]", "value = []", "weight_widths.value is "),
        ("value = [0, 1, 2, 3, 4, 5, 6, 8]", "value = 8", "weight_widths.value is 8"),
        ('status = "no"', 'status = "perhaps"', "status is 'perhaps'; allowed: maps, microcode"),
        ("[features.conductances]", "[features.conductances.deep]", "features.conductances: unknown 'deep'"),
        ("[numbers", "[numbers.x", "unknown"),
        ("name =", "name", "not valid TOML"),
    ],
)
def test_malformed_files_are_one_line_errors(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = tmp_path / "loihi1.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ChipError, match=message) as caught:
        read_chip(path)
    assert "\n" not in str(caught.value)
    assert "loihi1.toml" in str(caught.value)


def test_missing_numbers_and_files(tmp_path: Path) -> None:
    path = tmp_path / "loihi1.toml"
    with pytest.raises(ChipError, match="No such file"):
        read_chip(path)
    path.write_text(GOOD[: GOOD.index("[numbers.tiles_high]")])
    with pytest.raises(ChipError, match="numbers lacks tiles_high; required: "):
        read_chip(path)
    path.write_text(GOOD[: GOOD.index("[numbers.cores_per_chip]")])
    with pytest.raises(ChipError, match="numbers is None; allowed: a table"):
        read_chip(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ChipError, match="not UTF-8"):
        read_chip(path)
