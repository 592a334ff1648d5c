"""One line for what pydantic finds wrong with settings: which setting, its value, what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lavaprune.errors import InputError

_TYPE_NAMES = {int: "an integer", float: "a number", bool: "true | false", str: "a string"}


def settings_error(model: type[BaseModel], error: ValidationError) -> InputError:
    """Turn pydantic's findings about `model` into an error of one line: the first, and how many more."""
    findings = error.errors(include_url=False)
    line = _describe(model, findings[0])
    # A union reports one finding per alternative: count settings, not findings.
    others = len({_setting_of(model, finding["loc"])[0] for finding in findings}) - 1
    return InputError(line + (f" (and {others} more wrong)" if others else ""))


def _describe(model: type[BaseModel], finding: Any) -> str:
    if not finding["loc"] or finding["type"] == "value_error":
        return re.sub(r"^Value error, ", "", finding["msg"])
    name, field, names = _setting_of(model, finding["loc"])
    if finding["type"] == "extra_forbidden" or field is None:
        return unknown_setting(name, names)
    allowed = allowed_values(field)
    if field.description:
        allowed += f" ({field.description})"
    return f"setting {name!r} is {_shown(finding['input'])}; allowed: {allowed}"


def unknown_setting(name: str, allowed: Iterable[str]) -> str:
    """Return the line for a setting that does not exist, with the names that do, nearest first."""
    prefix, _, last = name.rpartition(".")
    names = sorted(allowed)
    near = difflib.get_close_matches(last, names, n=1)
    hint = f"; did you mean {prefix + '.' if prefix else ''}{near[0]}?" if near else ""
    where = f" in [{prefix}]" if prefix else ""
    return f"setting {name!r} is unknown{hint}; allowed{where}: {', '.join(names)}"


def allowed_values(field: FieldInfo) -> str:
    """Return what a setting may be, for example ``1 .. 65536`` or ``fused | graph``."""
    return _allowed(field.annotation, field.metadata)


def _allowed(annotation: Any, metadata: Iterable[Any]) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " | ".join(str(value) for value in get_args(annotation))
    if hasattr(annotation, "__metadata__"):  # Annotated
        inner = [item for extra in annotation.__metadata__ for item in getattr(extra, "metadata", [extra])]
        return _allowed(annotation.__origin__, inner)
    if origin is tuple:
        return f"a list, of which each is {_allowed(get_args(annotation)[0], ())}"
    if origin is not None:  # a union
        return " or ".join(_allowed(part, ()) for part in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"a table of {', '.join(annotation.model_fields)}"
    return _numeric(annotation, metadata)


def _numeric(annotation: Any, metadata: Iterable[Any]) -> str:
    low = high = None
    above = False
    for item in metadata:
        low = getattr(item, "ge", low)
        if getattr(item, "gt", None) is not None:
            low, above = item.gt, True
        high = getattr(item, "le", high)
    kind = _TYPE_NAMES.get(annotation, "a value")
    if low is None:
        return kind
    start = f"above {_number(low)}" if above else _number(low)
    integer = "an integer " if annotation is int else ""
    if high is None:
        return f"{integer}from {start}"
    return f"{integer}{start}{', at most ' if above else ' .. '}{_number(high)}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _setting_of(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[str, FieldInfo | None, tuple[str, ...]]:
    """Return the dotted name at `location`, its field (None if unknown) and the names beside it."""
    path: list[str] = []
    current: Any = model
    field: FieldInfo | None = None
    names: tuple[str, ...] = tuple(model.model_fields)
    for part in location:
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            break  # the rest names an alternative of a union
        names = tuple(current.model_fields)
        path.append(str(part))
        field = current.model_fields.get(str(part))
        current = field.annotation if field else None
    return ".".join(path), field, names


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
