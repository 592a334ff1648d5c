"""Profiles: the published numbers, and one-line refusals of malformed files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_events import EVENT_KEYS
from lavaprune.energy.profile import QUALITIES, known_profiles, load_profile

TEXTS = {key: "x" for key in ("chip", "title", "conditions", "caveat", "unpriced")}


def write(folder: Path, name: str = "mine", body: str = "", **texts: str) -> Path:
    lines = [f'{key} = "{value}"' for key, value in {"name": name, **TEXTS, **texts}.items()]
    path = folder / "mine.toml"
    path.write_text("\n".join(lines) + "\n" + body)
    return path


PRICE = '[energy_pj.synaptic_ops]\nvalue = 2\nquality = "measured"\nsource = "here"\n'


def test_davies_2018_table_2() -> None:
    profile = load_profile("loihi1-davies2018")
    published = {
        "synaptic_ops": 23.6,
        "synaptic_updates": 120.0,
        "neuron_updates_active": 81.0,
        "neuron_updates_inactive": 52.0,
        "spikes_within_tile": 1.7,
        "hops_ew": 3.0,
        "hops_ns": 4.0,
    }
    davies = {key: price for key, price in profile.prices.items() if "Davies et al. 2018" in price.source}
    assert {key: price.value_pj for key, price in davies.items()} == published
    # The table is a pre-silicon simulation: nothing in it may be called measured.
    assert {price.quality for price in davies.values()} == {"simulated"}
    assert "pre-silicon" in profile.conditions
    assert profile.prices["controller_ops"].quality == "proxy"


@pytest.mark.parametrize("name", known_profiles())
def test_every_built_in_profile_loads(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert list(profile.prices) == [key for key in EVENT_KEYS if key in profile.prices]
    assert set(profile.qualities) <= set(QUALITIES)


def test_a_users_own_file(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, body=PRICE))
    assert profile.prices["synaptic_ops"].value_pj == 2.0
    assert list(profile.prices) == ["synaptic_ops"]
    assert profile.qualities == ("measured",)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "no .energy_pj"),
        ("energy_pj = 3", "no .energy_pj"),
        ("[energy_pj]\nsynaptic_ops = 23.6", "energy_pj.synaptic_ops is 23.6; allowed: a table"),
        (PRICE.replace("synaptic_ops", "synops"), "energy_pj: unknown 'synops'; known: steps"),
        (PRICE.replace("value = 2", "value = -2"), "value is -2; allowed: a number of pJ, 0"),
        (PRICE.replace("value = 2", "value = nan"), "value is nan"),
        (PRICE.replace("value = 2", "value = inf"), "value is inf"),
        (PRICE.replace("value = 2", "value = true"), "value is True"),
        (PRICE.replace("value = 2\n", ""), "value is None"),
        (PRICE.replace("measured", "guessed"), "quality is 'guessed'; allowed: measured, fitted, simulated, proxy"),
        (PRICE.replace('"measured"', "['measured']"), r"quality is \['measured'\]"),
        (PRICE.replace('source = "here"\n', ""), "source is None"),
        (PRICE.replace('"here"', '" "'), "source is ' '"),
        (PRICE + "time_ns = 3", "unknown 'time_ns'"),
        ("[energy_pj", "not valid TOML"),
    ],
)
def test_malformed_files_are_one_line_errors(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message) as caught:
        load_profile(write(tmp_path, body=body))
    assert "\n" not in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_other_bad_profiles(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="'loihi3' is unknown; known: .*loihi1-davies2018"):
        load_profile("loihi3")
    with pytest.raises(ProfileError, match="name is 'other'; allowed: the file's own name, 'mine'"):
        load_profile(write(tmp_path, name="other", body=PRICE))
    with pytest.raises(ProfileError, match="title is ''"):
        load_profile(write(tmp_path, title="", body=PRICE))
    with pytest.raises(ProfileError, match="No such file"):
        load_profile(tmp_path / "absent.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ProfileError, match="Is a directory"):
        load_profile(tmp_path / "folder.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="not UTF-8"):
        load_profile(tmp_path / "bytes.toml")
