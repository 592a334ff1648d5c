"""Getting between Lava's compiler and its runtime, for one graph and one compilation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lava.magma.core.process.process import AbstractProcess


def after_compile(processes: Iterable[AbstractProcess], then: Callable[[Any], None]) -> None:
    """Call `then(executable)` when one of these Processes compiles the graph, before anything runs.

    Lava's classes are left alone: only these Processes' own ``compile`` is covered, until it has been called.
    """
    covered = list(processes)

    def uncover() -> None:
        for process in covered:
            vars(process).pop("compile", None)

    for process in covered:
        vars(process)["compile"] = _followed(process.compile, uncover, then)


def _followed(
    compile_: Callable[..., Any], uncover: Callable[[], None], then: Callable[[Any], None]
) -> Callable[..., Any]:
    def compile_and_follow(run_cfg: Any, compile_config: dict[str, Any] | None = None) -> Any:
        executable = compile_(run_cfg, compile_config)
        uncover()
        then(executable)
        return executable

    return compile_and_follow


def after_build(builder: Any, then: Callable[[Any], None]) -> None:
    """Call `then(model)` when a builder has built its model, in the model's own OS process."""
    build = builder.build

    def build_and_follow() -> Any:
        model = build()
        then(model)
        return model

    builder.build = build_and_follow
