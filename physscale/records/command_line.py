"""One way to run a command line: one line per error, one exit code per kind of error."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from physscale.records.errors import DamagedData, UserError

_UsageError: Any = typer.BadParameter.__base__
"""Typer brings its own click since 0.26, and exports this class by its child alone."""


def run_app(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Runs a command and returns its exit code; without arguments it shows the help."""
    try:
        return int(app(list(arguments) or ["--help"], standalone_mode=False) or 0)
    except (UserError, DamagedData) as error:
        return _failed(str(error), code=error.exit_code)
    except _UsageError as error:
        return _failed(f"{error.format_message()} (try --help)", code=UserError.exit_code)
    except BrokenPipeError:  # the reader (head, less) has closed standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (typer.Abort, KeyboardInterrupt):
        return 130


def _failed(message: str, *, code: int) -> int:
    typer.echo(f"physscale: {' '.join(message.split())}", err=True)
    return code
