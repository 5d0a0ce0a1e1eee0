"""Where commands print for people: lines as they are, and bars that count."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def say(out: Console, line: str) -> None:
    """A line for people as it is: not wrapped, no colours."""
    out.print(line, highlight=False, soft_wrap=True)


def counting_bar(out: Console, *, hidden: bool) -> Progress:
    """A bar that counts to a total, with the time left."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=out, disable=hidden)


def console(*, as_json: bool = False) -> Console:
    """Where people read; beside a program's JSON that is standard error."""
    width = None if sys.stdout.isatty() else 160
    return Console(stderr=as_json, width=width)
