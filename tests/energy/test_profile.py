"""Profiles: the published numbers, and one-line refusals of malformed files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_events import EVENT_KEYS
from lavaprune.energy.profile import QUALITIES, known_profiles, load_profile, profiles_of_chip, user_folder

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
        (PRICE + "time_us = 3", "unknown 'time_us'"),
        (PRICE + "time_ns = -3", "time_ns is -3; allowed: a number of ns"),
        (PRICE + "parts = 2", "parts is 2; allowed: a table"),
        (PRICE + "parts = { a = 1.5, b = -1 }", "parts.b is -1; allowed"),
        (PRICE + "parts = { a = 1.5, b = 0.6 }", "value is 2; allowed: the sum of its parts, 2.1"),
        ("included = 3\n" + PRICE, "included is 3; allowed: a list out of steps, synaptic_updates"),
        ("included = ['synaptic_ops']\n" + PRICE, "included is .*; allowed: a list out of steps, synaptic_updates"),
        ("included = [[1]]\n" + PRICE, "included is"),
        (PRICE + "[conventional_pj.memory_access]\nvalue = 1\nquality = 'proxy'\nsource = 'x'", "no multiply_acc"),
        (PRICE + "[conventional_pj]", "no .conventional_pj"),
        (PRICE + "[static_power_mw]\nvalue = -1\nquality = 'fitted'\nsource = 'x'", "static_power_mw.value is -1"),
        (PRICE + "[static_power_mw]\nvalue = 1\nquality = 'fitted'", "static_power_mw: source is None"),
        (PRICE + "[step_time_us]\nvalue = 1\nquality = 'x'\nsource = 'x'", "step_time_us: quality is 'x'"),
        ("barrier_ns = 3\n" + PRICE, "barrier_ns is 3; allowed: a table"),
        ("a = " + 5000 * "[" + 5000 * "]", "not valid TOML"),
        ("[energy_pj", "not valid TOML"),
        ("a = 1" + 5000 * "0", "not valid TOML"),
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


def test_parts_and_time(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, body=PRICE + "time_ns = 4\nparts = { a = 0.3, b = 1.7 }"))
    price = profile.prices["synaptic_ops"]
    assert (price.value_pj, price.time_ns, price.parts_pj) == (2.0, 4.0, {"a": 0.3, "b": 1.7})


def test_dropped_into_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAVAPRUNE_PROFILES", str(tmp_path))
    built_in = known_profiles()
    write(tmp_path, body=PRICE, chip="loihi1")
    (tmp_path / "notes.txt").write_text("no profile")
    assert set(known_profiles()) == {*built_in, "mine"}
    assert load_profile("mine").prices["synaptic_ops"].value_pj == 2.0
    assert [profile.name for profile in profiles_of_chip("loihi1")] == ["loihi1-davies2018", "loihi1-sanafe", "mine"]
    with pytest.raises(ProfileError, match="known: .*mine"):
        load_profile("other")
    write(tmp_path, body=PRICE.replace("measured", "guessed"))
    with pytest.raises(ProfileError, match="mine.toml: energy_pj.synaptic_ops: quality is 'guessed'"):
        profiles_of_chip("loihi1")
    assert load_profile("odin").chip == "odin"  # which chip a broken file is of matters for ranges only


def test_a_users_file_cannot_take_a_name_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAVAPRUNE_PROFILES", str(tmp_path))
    (tmp_path / "odin.toml").write_text("")
    with pytest.raises(ProfileError, match="odin.toml: lavaprune has one of that name"):
        load_profile("odin")
    (tmp_path / "odin.toml").unlink()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAVAPRUNE_PROFILES", str(tmp_path / "file"))
    with pytest.raises(ProfileError, match="Not a directory"):
        known_profiles()


def test_where_the_users_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAVAPRUNE_PROFILES")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "lavaprune" / "profiles"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/nobody")
    assert user_folder() == Path("/nobody/.config/lavaprune/profiles")


def test_update_factor() -> None:
    """3 x 120 pJ; the rest stays, and what is assumed is no longer called by the published quality."""
    profile = load_profile("loihi1-davies2018")
    tripled = profile.with_update_factor(3.0)
    assert tripled.prices["synaptic_updates"].value_pj == 360.0
    assert tripled.prices["synaptic_updates"].quality == "proxy"
    assert tripled.update_factor == 3.0
    assert {**tripled.prices, "synaptic_updates": None} == {**profile.prices, "synaptic_updates": None}
    assert profile.with_update_factor(1.0) is profile
    assert load_profile("odin").with_update_factor(3.0).update_factor == 1.0  # it has no such price
    summed = load_profile("digital-45nm-int32").with_update_factor(2.0).prices["synaptic_updates"]
    assert summed.value_pj == pytest.approx(sum(summed.parts_pj.values()))
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ProfileError, match="update factor is .*; allowed: a number 0"):
            profile.with_update_factor(wrong)


def test_the_profile_in_the_docs(repo_root: Path, tmp_path: Path) -> None:
    text = (repo_root / "docs" / "energy.md").read_text()
    (tmp_path / "mine.toml").write_text(text.split("```toml")[1].split("```")[0])
    profile = load_profile(tmp_path / "mine.toml")
    assert (profile.chip, profile.included) == ("loihi1", ("hops_ew",))
    assert profile.prices["synaptic_ops"].parts_pj == {"read": 25.0, "add": 5.0}
    assert profile.static_power_mw is not None
    assert profile.static_power_mw.value == 90.0
    for name in known_profiles():
        assert f"`{name}`" in text or name == "digital-45nm-fp32"
