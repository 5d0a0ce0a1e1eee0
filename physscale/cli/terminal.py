"""What commands print for people: plain lines and progress bars."""

import os
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def say(out: Console, line: str) -> None:
    """Prints a line for people as it is, without wrapping or colours."""
    out.print(line, highlight=False, soft_wrap=True)


def counting_bar(out: Console, *, hidden: bool) -> Progress:
    """A progress bar that counts to a total and shows the time left."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=out, disable=hidden)


class Patient(Console):
    """Nobody has to read on: where the reader (`| head`) has left, the command goes on unseen."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(*, as_json: bool = False) -> Console:
    """The stream that people read: standard error where standard output holds JSON."""
    width = None if sys.stdout.isatty() else 160
    return Patient(stderr=as_json, width=width)
