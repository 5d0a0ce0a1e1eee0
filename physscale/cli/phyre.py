"""`physscale phyre setup | status`: the Python 3.9 environment in which the real PHYRE lives."""

from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.lazy import CONTEXT
from physscale.records.command_line import AsJson, print_json
from physscale.simulate.phyre.environment import installed, setup

phyre = typer.Typer(
    help="Install the real PHYRE in a Python of its own, or say where it is.",
    context_settings=CONTEXT,
)


@phyre.command(
    "setup",
    epilog="Example: `physscale phyre setup`; `PHYSSCALE_PHYRE_PYTHON=/path/to/python3.9 "
    "physscale phyre setup`.",
)
def setup_command(
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the environment; by default in your cache folder."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the environment, or say that it is there. Finds the interpreter, or says how to get
    one."""
    _say(setup(folder), as_json=as_json)


@phyre.command("status", epilog="Example: `physscale phyre status --json`.")
def status_command(as_json: AsJson = False) -> None:
    """Say where the environment is; exit code 2 with what to do if there is none."""
    _say(installed(), as_json=as_json)


def _say(python: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"python": str(python)})
    else:
        typer.echo(f"PHYRE is ready: {python}")
