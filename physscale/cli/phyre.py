"""`physscale phyre setup | status`: the Python 3.9 environment in which the real PHYRE lives."""

import json
from pathlib import Path
from typing import Annotated

import typer

from physscale.simulate.phyre.environment import installed, setup

phyre = typer.Typer(
    help="The real PHYRE, in a Python 3.9 or 3.8 environment of its own.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@phyre.command(
    "setup",
    epilog="Example: `physscale phyre setup`; `PHYSSCALE_PHYRE_PYTHON=/path/to/python3.9 "
    "physscale phyre setup`.",
)
def setup_command(
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the environment goes; else your cache folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the environment, or say that it is there. Finds the interpreter, or says how to get
    one."""
    python = str(setup(folder))
    typer.echo(json.dumps({"python": python}) if as_json else f"PHYRE is ready: {python}")


@phyre.command("status", epilog="Example: `physscale phyre status --json`.")
def status_command(as_json: AsJson = False) -> None:
    """Say where the environment is; exit code 2 with what to do if there is none."""
    python = str(installed())
    typer.echo(json.dumps({"python": python}) if as_json else f"PHYRE is ready: {python}")
