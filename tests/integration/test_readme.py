"""What the README tells a newcomer to type: its study can be planned, its commands and options
exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from physscale.cli.main import app
from tests.paths import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LINES = [
    line.partition("#")[0].strip()
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.replace("\\\n", " ").splitlines()
]
COMMANDS = [
    part.strip()
    for line in LINES
    for part in line.split(";")
    if " physscale " in f" {part}" and "--install" not in part
]


def test_the_study_of_the_readme_is_a_study(tmp_path: Path) -> None:
    (source,) = [text for kind, text in BLOCKS if kind == "python"]
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    (tmp_path / "experiments" / "mine.py").write_text(source)
    command = [sys.executable, "-m", "experiments.mine", "--dry-run", "--budget", "1e12"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"--budget 1e\+12: .* of 32 runs", done.stdout)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line: str) -> None:
    words = shlex.split(line)
    name, *arguments = words[words.index("physscale") + 1 :]
    commands = {command.name: command.callback for command in app.registered_commands}
    assert name in commands
    source = (
        Path(commands[name].__code__.co_filename).read_text()
        + (ROOT / "physscale" / "cli/options.py").read_text()
    )  # type: ignore[union-attr]
    for option in [word for word in arguments if word.startswith("--")]:
        known = (
            f'"{option}' in source or option.removeprefix("--").replace("-", "_") + ":" in source
        )
        assert known, f"{name} has no {option}"


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) > 15
