"""The pages of the reference that are made from the code: commands and laws.

`python -m docs.reference_pages` writes them anew; a test compares them with the code.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from analysis.laws.registry import CURVES, LAWS
from physscale.cli.main import app

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- Made by `python -m docs.reference_pages`: change the code, not this page. -->"


def commands_below(group: Any, *, program: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Each command with the words that call it, as in "physscale phyre setup"."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        _, command, _ = group.resolve_command(context, [name])
        if hasattr(command, "list_commands"):  # a group: Typer keeps click's classes to itself
            yield from commands_below(command, program=f"{program} {name}")
        else:
            yield f"{program} {name}", command


def commands_page() -> str:
    """Every command, its arguments, its options and its examples."""
    group = typer.main.get_command(app)
    parts = [
        "# Commands",
        MADE,
        "`physscale COMMAND --help` prints the same. All commands share their [exit "
        "codes](exit-codes.md). The commands of the analysis also run as `python -m analysis "
        "COMMAND`, without torch and Ray.",
    ]
    panel = None
    for words, command in commands_below(group, program="physscale"):
        listed = group.commands[words.split()[1]]
        if listed.rich_help_panel != panel:
            panel = listed.rich_help_panel
            parts.append(f"## {panel}")
        parts += _command_section(words, command)
    return "\n\n".join(parts) + "\n"


def _command_section(words: str, command: Any) -> list[str]:  # noqa: ANN401
    context = typer.Context(command, info_name=words)
    records = [
        parameter.get_help_record(context)
        for parameter in command.get_params(context)
        if parameter.name != "help"
    ]
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    section = [f"### {words}", " ".join((command.help or "").split()), f"`{usage}`"]
    rows = [f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in filter(None, records)]
    if rows:
        section.append("\n".join(["| argument or option | meaning |", "|---|---|", *rows]))
    if command.epilog:
        section.append(command.epilog)
    return section


def _cell(text: str) -> str:
    """Text without the sign that ends a table's cell."""
    return " ".join(text.split()).replace("|", " or ")


def laws_page() -> str:
    """Every law with its formula, what it needs and where it comes from."""
    parts = [
        "# Laws",
        MADE,
        "`physscale fit TABLE --law NAME` fits one of these. E is the floor; N, D and C are "
        "parameters, training videos and combinations. [Add a law of your "
        "own](../extend/my_law.md).",
    ]
    for law in (*LAWS.entries().values(), *CURVES.entries().values()):
        lines = (
            f"- Axes: {', '.join(law.axes) or 'none'}",
            f"- Domain: {law.domain}",
            f"- Needs: {law.identifiable}",
            f"- Source: {law.source}",
        )
        parts += [f"## {law.name}", f"`{law.formula}`", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {"commands.md": commands_page, "laws.md": laws_page}

if __name__ == "__main__":
    for page_name, made in PAGES.items():
        (FOLDER / page_name).write_text(made())
