"""The command line: `physscale plan | run | submit | ...`, listed in `physscale.cli.commands`.

One line per error, one exit code per kind of error:

0 done · 1 some runs failed, or the disk is full · 2 wrong key, value, name or folder · 3 held by
another driver · 4 cannot be scheduled · 5 damaged data · 6 the cluster fell silent · 129, 130, 143
ended by the end of the terminal, Ctrl-C, SIGTERM."""

import importlib.metadata
import sys
from typing import Annotated

import typer

from physscale.cli.commands import COMMANDS
from physscale.cli.lazy import CONTEXT, LazyGroup
from physscale.records.command_line import run_app
from physscale.records.extras import PACKAGE


class Commands(LazyGroup):
    """All commands of `physscale`."""

    table = COMMANDS


app = typer.Typer(
    cls=Commands,
    help="Does a video model learn the law, or the cases? Plan, run and watch scaling studies of "
    "physics videos.",
    epilog="First steps: `physscale plan quickstart`, `physscale run quickstart`, `physscale "
    "report results/quickstart`. "
    "`physscale --install-completion` completes commands, studies and keys in your shell. "
    "Exit codes: 0 done, 1 some runs failed, 2 wrong input, 3 held by another driver, 4 cannot be "
    "scheduled, 5 damaged data, "
    "6 the cluster fell silent, 129, 130 and 143 stopped.",
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PACKAGE} {importlib.metadata.version(PACKAGE)}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """The options before a command's name."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run_app(app, sys.argv[1:] if arguments is None else arguments))


def run_as_module(name: str) -> None:
    """`python -m experiments.NAME ...` is `physscale run NAME ...`."""
    main(["run", name, *sys.argv[1:]])
