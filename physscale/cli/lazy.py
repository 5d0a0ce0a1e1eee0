"""A command line that knows its commands by name, and imports one when it is called.

So `physscale --help` needs no torch, Ray or numba, and the shell completes names at once."""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

CONTEXT = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Listed:
    """A command as `--help` lists it.

    Attributes:
        where: `module:name` of its function.
        panel: its group in `--help`.
        summary: the first sentence of the function's docstring (a test compares them).
        examples: shown below its options.
    """

    where: str
    panel: str
    summary: str
    examples: tuple[str, ...]

    def load(self, name: str) -> Any:  # noqa: ANN401 - Typer does not export click's Command
        """The command itself. This imports its module."""
        app = typer.Typer(context_settings=CONTEXT, add_completion=False)
        shown = "; ".join(f"`{example}`" for example in self.examples)
        function = self._found()
        told = _without_line_ends(inspect.getdoc(function) or "")
        app.command(name, help=told, epilog=f"Examples: {shown}.")(function)
        return typer.main.get_command(app)

    def _found(self) -> Any:  # noqa: ANN401 - a function, of any signature
        module, _, name = self.where.partition(":")
        return getattr(importlib.import_module(module), name)


def _without_line_ends(text: str) -> str:
    """The paragraphs, each as one line: the terminal breaks it where it ends itself."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


@dataclass(frozen=True)
class ListedGroup(Listed):
    """Commands below one name (`physscale phyre setup`); `where` is a Typer app."""

    def load(self, name: str) -> Any:  # noqa: ANN401
        group = typer.main.get_command(self._found())
        group.name = name
        return group


class LazyGroup(TyperGroup):
    """The commands of a table, which a subclass names."""

    table: ClassVar[Mapping[str, Listed]]

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=listed.summary, rich_help_panel=listed.panel)
            for name, listed in self.table.items()
        }
        """Names and summaries: all that `--help` and completion need."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Loads the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.table[name].load(name) if name and command else None, rest
