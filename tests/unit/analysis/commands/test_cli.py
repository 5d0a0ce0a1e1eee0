"""The command line starts fast, imports neither torch nor ray, and answers mistakes in one line."""

import shlex
import subprocess
import sys

import pytest
import typer

from analysis.commands.app import COMMANDS, Command, app, main


def test_it_starts_without_the_heavy_packages() -> None:
    code = (
        "import sys, time; start = time.process_time(); from analysis.commands.app import main; "
        "main(['fit', '--help']); "
        "spent = time.process_time() - start; heavy = {'torch', 'ray', 'scipy', 'matplotlib', "
        "'pandas', 'statsmodels'} & set(sys.modules); "
        "sys.exit(f'{heavy} {spent}' if heavy or spent > 1.5 else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["report"], ["figures", "x"], ["report", "x", "--colour"]]
)
def test_wrong_words_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("physscale: ")
    assert said.count("\n") == 1


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(command.name in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_example_of_the_help_is_understood(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command.name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    group = typer.main.get_command(app)
    for example in command.examples:
        assert f"python -m analysis {example}" in shown
        name, *options = shlex.split(example)
        assert name == command.name
        group.commands[name].make_context(name, options)
