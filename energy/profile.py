"""The hardware profiles that there are: those that come with the package, and the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_profile import QUALITIES, HardwareProfile, Price
from lavaprune.energy.profile_file import read_profile

__all__ = [
    "BUILT_IN_FOLDER",
    "DEFAULT_PROFILE",
    "FOLDER_VARIABLE",
    "QUALITIES",
    "HardwareProfile",
    "Price",
    "known_profiles",
    "load_profile",
    "profiles_of_chip",
    "read_profile",
    "user_folder",
]

BUILT_IN_FOLDER = Path(__file__).resolve().parent / "profiles"
"""Where the profiles that come with the package lie."""

FOLDER_VARIABLE = "LAVAPRUNE_PROFILES"
"""Environment variable that names the folder of the user's own profiles."""

DEFAULT_PROFILE = "loihi1-davies2018"

_SUFFIX = ".toml"


def user_folder() -> Path:
    """Return the folder of the user's own profiles; it need not exist.

    ``$LAVAPRUNE_PROFILES``, or else ``lavaprune/profiles`` in ``$XDG_CONFIG_HOME`` (by default ``~/.config``).
    """
    named = os.environ.get(FOLDER_VARIABLE, "")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path(os.path.expanduser("~")) / ".config") / "lavaprune" / "profiles"


def known_profiles() -> tuple[str, ...]:
    """Return the names of all profiles, sorted: those of the package and the ``.toml`` files in `user_folder`.

    Raises
    ------
    ProfileError
        If the user's folder cannot be listed, or a file in it has the name of a profile of the package.
    """
    return tuple(sorted(_files()))


def load_profile(name_or_path: str | os.PathLike[str] = DEFAULT_PROFILE) -> HardwareProfile:
    """Load a hardware profile.

    Parameters
    ----------
    name_or_path : str or path
        A name out of `known_profiles`, or the path of a user's own file (ends in ``.toml``).

    Raises
    ------
    ProfileError
        In one line: an unknown name (the known ones listed), a file that cannot be read, or what in it is wrong.
    """
    text = os.fspath(name_or_path)
    if text.endswith(_SUFFIX):
        return read_profile(Path(text))
    files = _files()
    if text not in files:
        raise ProfileError(
            f"hardware profile {text!r} is unknown; known: {', '.join(sorted(files))}, or the path of a .toml file"
        )
    return read_profile(files[text])


def profiles_of_chip(chip: str) -> tuple[HardwareProfile, ...]:
    """Return all known profiles of a chip, sorted by name.

    Raises
    ------
    ProfileError
        If any known profile is malformed: which chip it is of cannot be told then.
    """
    profiles = [read_profile(path) for _, path in sorted(_files().items())]
    return tuple(profile for profile in profiles if profile.chip == chip)


def _files() -> dict[str, Path]:
    """Path of each known profile by name."""
    found = {path.stem: path for path in BUILT_IN_FOLDER.glob(f"*{_SUFFIX}")}
    folder = user_folder()
    try:
        own = {path.stem: path for path in folder.iterdir() if path.suffix == _SUFFIX} if folder.exists() else {}
    except OSError as error:
        raise ProfileError(f"folder of hardware profiles {folder}: {error.strerror or error}") from None
    for name in sorted(own.keys() & found.keys()):
        raise ProfileError(f"hardware profile {own[name]}: lavaprune has one of that name; allowed: any other name")
    return found | own
