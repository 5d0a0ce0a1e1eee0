"""The command line starts fast, imports neither torch nor ray, and answers mistakes in one line."""

import shlex
import subprocess
import sys

import pytest

from analysis.commands.cli import EXAMPLES, command_line, main


def test_it_starts_without_the_heavy_packages() -> None:
    code = (
        "import sys, time; start = time.process_time(); from analysis.commands.cli import main; "
        "main(['fit', '--help']); "
        "spent = time.process_time() - start; heavy = {'torch', 'ray', 'scipy', 'matplotlib', "
        "'pandas', 'statsmodels'} & set(sys.modules); "
        "sys.exit(f'{heavy} {spent}' if heavy or spent > 1.5 else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["report"], ["figures", "x"], ["report", "x", "--colour"]]
)
def test_wrong_words_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_the_help_is_understood(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    for example in EXAMPLES[name]:
        assert f"python -m analysis {example}" in shown
        assert command_line().parse_args(shlex.split(example)).command == name
