"""Every command that the documents show exists, with its options; every override fits a study."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from docs.reference_pages import commands_below
from physscale.cli.main import app
from physscale.cli.options import open_study
from tests.documents import CURRENT, Shown, commands
from tests.paths import ROOT

SHOWN = [shown for document in CURRENT for shown in commands(document)]
KNOWN: dict[str, Any] = {
    words.partition(" ")[2]: command
    for words, command in commands_below(typer.main.get_command(app), program="physscale")
}
STUDIES = [path.stem for path in (ROOT / "experiments").glob("[a-z]*.py")]


def command_of(shown: Shown) -> Any:
    """The command, or the one below it."""
    below = " ".join([shown.name, *shown.arguments[:1]])
    return KNOWN.get(below) or KNOWN.get(shown.name)


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_every_command_and_option_exists(shown: Shown) -> None:
    if shown.name.startswith("-") or shown.name.isupper():
        return  # `physscale --version`, `physscale COMMAND --help`
    command = command_of(shown)
    assert command is not None, f"there is no {shown.program} {shown.name}"
    options = {
        name for parameter in command.params for name in parameter.opts + parameter.secondary_opts
    }
    for word in shown.arguments:
        if word.startswith("--"):
            assert word.partition("=")[0] in {*options, "--help"}, f"{shown.name} has no {word}"


@pytest.mark.parametrize(
    "shown",
    [
        shown
        for shown in SHOWN
        if shown.name in {"plan", "run", "encode"} and {*shown.arguments[:1]} & {*STUDIES}
    ],
    ids=str,
)
def test_every_override_changes_a_study(shown: Shown, tmp_path: Path) -> None:
    options = shown.arguments
    overrides = [
        word
        for number, word in enumerate(options)
        if re.fullmatch(r"[a-z_.]+=\S+", word) and not options[number - 1].startswith("--")
    ]
    opened = open_study(shown.arguments[0], results=tmp_path, overrides=overrides)
    assert opened.study.runs


def test_the_documents_show_commands() -> None:
    assert len({shown.name for shown in SHOWN}) > 20
