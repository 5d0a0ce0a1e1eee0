"""What both command lines share: one line per error, one exit code per kind of error, and `--json`.

`physscale` and `python -m analysis` are run by `run_app`."""

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from physscale.records.errors import UserError, disk_full, no_space, printable
from physscale.records.extras import PACKAGE, missing_extra
from physscale.records.leaving import Stopped, leaving_on_signals

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]

_UsageError: Any = typer.BadParameter.__base__
"""Typer brings its own click since 0.26, and exports this class by its child alone."""


def run_app(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Runs a command and returns its exit code; without arguments it shows the help."""
    try:
        with leaving_on_signals():
            return int(app(list(arguments) or ["--help"], standalone_mode=False) or 0)
    except UserError as error:
        return _failed(error)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        return _failed(missing)
    except _UsageError as error:
        return _failed(UserError(f"{error.format_message()} (try --help)"))
    except BrokenPipeError:  # the reader (head, less) has closed standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a name too long, a loop of links, a folder of somebody else
        if error.filename is None:
            raise
        if disk_full(error):
            return _failed(no_space(error.filename))
        return _failed(UserError(f"{str(error.filename)[:200]}: {error.strerror}"))
    except Stopped as stopped:
        return _failed(stopped)
    except typer.Abort:
        return 130


def _failed(error: UserError | Stopped) -> int:
    with contextlib.suppress(OSError):  # a terminal that is gone
        typer.echo(f"{PACKAGE}: {printable(' '.join(str(error).split()))}", err=True)
    return error.exit_code


def print_json(value: object) -> None:
    """One JSON object on standard output; NaN and infinity become null."""
    from physscale.records.finite import finite  # NumPy: not for --help

    typer.echo(json.dumps(finite(value), indent=1, allow_nan=False))
