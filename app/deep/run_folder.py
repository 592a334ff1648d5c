"""The RUN folder of a deep run: as others, with a checkpoint of torch's."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from lavaprune.configuration import dict_difference
from lavaprune.deep.configuration import validate_deep
from lavaprune.deep.settings import DeepSettings
from lavaprune.errors import InputError
from lavaprune.files import write_bytes
from lavaprune.runs import CONFIG, DEEP_CHECKPOINT, RecordFolder, make_run_folder, read_run_config

FORMAT_VERSION = 1


def default_deep_folder(settings: DeepSettings) -> Path:
    """Return the folder of a run whose ``--out`` is not given."""
    return Path("runs") / f"deep-{settings.dataset}-{settings.pruning.method}-seed{settings.seed}"


def is_deep_run(path: Path) -> bool:
    """Whether a folder is a run of `lavaprune deep`; for commands that take both kinds.

    Raises
    ------
    InputError
        If it is no run at all.
    """
    return read_run_config(path).get("kind") == "deep"


class DeepRunFolder(RecordFolder):
    """One deep run's folder. Build it with `create` (a new run) or `open` (one that exists).

    Attributes
    ----------
    path : Path
    settings : DeepSettings
    """

    def __init__(self, path: Path, settings: DeepSettings) -> None:
        super().__init__(path)
        self.settings = settings

    @classmethod
    def create(cls, path: Path, settings: DeepSettings) -> DeepRunFolder:
        """Make the folder; InputError if it holds a run or cannot be written."""
        make_run_folder(path, tomli_w.dumps(settings.to_dict()))
        return cls(path, settings)

    @classmethod
    def open(cls, path: Path) -> DeepRunFolder:
        """Open a deep run that exists; InputError if it is none."""
        values = read_run_config(path)
        if values.get("kind") != "deep":
            raise InputError(f"run folder {path}: {CONFIG} is not of lavaprune deep; allowed: a run of deep train")
        return cls(path, validate_deep(values))

    def require_settings(self, wanted: DeepSettings, where: str) -> None:
        """Raise InputError, which names the first difference, unless this is the run of these settings.

        `where` says in the message where they stand: "here", "in the suite".
        """
        difference = dict_difference(self.settings.to_dict(), wanted.to_dict())
        if difference:
            name, old, new = difference
            raise InputError(
                f"run folder {self.path}: setting {name!r} is {old!r} there and {new!r} {where}; allowed: the same"
            )

    @property
    def has_checkpoint(self) -> bool:
        """Whether a checkpoint was ever written."""
        return (self.path / DEEP_CHECKPOINT).exists()

    def save_checkpoint(self, state: Mapping[str, Any], data_sha256: str) -> None:
        """Replace the checkpoint atomically; `state` holds tensors, numbers, text and containers of them."""
        import torch

        stream = io.BytesIO()
        torch.save(
            {
                "format": FORMAT_VERSION,
                "settings_sha256": self.settings.sha256(),
                "data_sha256": data_sha256,
                "state": dict(state),
            },
            stream,
        )
        write_bytes(self.path / DEEP_CHECKPOINT, stream.getvalue())

    def load_checkpoint(self, data_sha256: str | None = None) -> dict[str, Any]:
        """Read the state back, onto the CPU; nothing in the file is executed.

        Raises
        ------
        InputError
            No checkpoint, or one that is damaged or of another format, of other settings or data.
        """
        import torch

        path = self.path / DEEP_CHECKPOINT
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: no such checkpoint; allowed: a run that has got as far as one") from None
        except OSError as error:
            raise InputError(f"{path}: checkpoint cannot be read ({error.strerror or error})") from None
        try:
            saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            version, state = saved["format"], saved["state"]
            stamps = {name: saved[f"{name}_sha256"] for name in ("settings", "data")}
        except Exception as error:  # whatever zipfile, the unpickler and torch raise
            raise InputError(f"{path}: checkpoint is damaged ({type(error).__name__})") from None
        if version != FORMAT_VERSION:
            raise InputError(f"{path}: checkpoint format is {version}; allowed: {FORMAT_VERSION}")
        known = {"settings": self.settings.known_sha256s(), "data": [] if data_sha256 is None else [data_sha256]}
        for name, allowed in known.items():
            if allowed and stamps[name] not in allowed:
                raise InputError(
                    f"{path}: checkpoint's {name} have sha256 {str(stamps[name])[:16]}... and those given "
                    f"{allowed[0][:16]}...; allowed: the same"
                )
        return dict(state)
