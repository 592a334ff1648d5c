"""``lavaprune fit``: cores, memory and axons on a chip, and what does not map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_json, stdout_kept_clean
from lavaprune.errors import InputError

NAME = "fit"


def command(
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="Folder of a run: its own synapses count.")] = None,
    inputs: Annotated[int | None, typer.Option("--inputs", metavar="I", help="Instead of RUN: inputs,")] = None,
    neurons: Annotated[int | None, typer.Option("--neurons", metavar="N", help="excitatory neurons,")] = None,
    connectivity: Annotated[
        float | None, typer.Option("--connectivity", metavar="C", help="and share of their synapses, 0 .. 1.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="input", help="Only the synapses from the inputs.")
    ] = None,
    chip: Annotated[str | None, typer.Option("--chip", metavar="CHIP", help="loihi1 (default) or loihi2.")] = None,
    lateral: Annotated[
        str | None,
        typer.Option(
            "--lateral",
            metavar="KIND",
            help="Lateral inhibition: separate synapses (default), or shared axons, which need hardly any memory.",
        ),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            "--pooling",
            metavar="KIND",
            help="Of a deep run: the neurons of a pooling window send to a shared axon (default), or separate ones.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lay a network out on the cores of a chip: how many, what limits them, what pruning saves, what does not map."""
    sizes = {"--inputs": inputs, "--neurons": neurons, "--connectivity": connectivity}
    given = [name for name, value in sizes.items() if value is not None]
    if run is not None and given:
        raise InputError(f"fit has RUN and {', '.join(given)}; allowed: RUN, or {', '.join(sizes)}")
    if run is None and len(given) < len(sizes):
        missing = ", ".join(name for name in sizes if name not in given)
        raise InputError(f"fit lacks {missing}; allowed: RUN, or {', '.join(sizes)}")
    if run is None and pooling is not None:
        raise InputError("fit has --pooling without RUN; allowed: with a run of lavaprune deep")
    if only not in (None, "input"):
        raise InputError(f"--only is {only!r}; allowed: input")
    with stdout_kept_clean():
        from lavaprune.core_fit_report import fit_of_run, fit_of_size, fit_text
        from lavaprune.energy.chip import DEFAULT_CHIP

        name, only_input = DEFAULT_CHIP if chip is None else chip, only == "input"
        if run is not None:
            report = fit_of_run(run, name, lateral=lateral, only_input=only_input, pooling=pooling)
        else:
            assert inputs is not None
            assert neurons is not None
            assert connectivity is not None
            report = fit_of_size(
                inputs, neurons, connectivity, name, lateral=lateral or "separate", only_input=only_input
            )
        text = fit_text(report)
    if as_json:
        print_json(report)
    else:
        print(text, flush=True)
