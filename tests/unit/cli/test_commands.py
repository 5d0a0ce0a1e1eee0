"""The command line knows its commands by name and imports one when it is called."""

import importlib.metadata
import inspect
import subprocess
import sys

import pytest

from physscale.cli.commands import COMMANDS
from physscale.cli.main import main
from tests.command_line import said
from tests.paths import ROOT

HEAVY = ("torch", "ray", "wandb", "numba", "scipy", "matplotlib", "numpy", "pyarrow")


def test_help_starts_fast_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, time; start = time.process_time(); from physscale.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"heavy = set({HEAVY}) & set(sys.modules)\n"
        "spent = time.process_time() - start\n"
        "sys.exit(f'{heavy} {spent}' if heavy or spent > 1 else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_help_shows_every_command_in_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(["--help"], capsys)
    words = out.split()
    assert code == 0
    assert [name for name in COMMANDS if name not in words] == []
    assert all(listed.panel.split(":")[0] in out for listed in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_sentence_of_the_help(name: str) -> None:
    """The list in `--help` is written beside the names; the text of a command, with its code."""
    command = COMMANDS[name].load(name)
    opening = " ".join(inspect.cleandoc(command.help).split("\n\n")[0].split())
    assert opening == COMMANDS[name].summary


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    version = importlib.metadata.version("physscale")
    assert said(["--version"], capsys) == (0, f"physscale {version}\n", "")


@pytest.mark.parametrize(
    ("name", "meant"), [("pln", "'plan'"), ("judge", "(try --help)"), ("detct", "'detect'")]
)
def test_an_unknown_command_is_one_line(
    name: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said([name], capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"physscale: No such command '{name}'.")
    assert meant in err


def test_one_way_to_ask_for_json() -> None:
    """Every command that has `--json` has the same one."""
    options = set()
    for name, listed in COMMANDS.items():
        command = listed.load(name)
        below = getattr(command, "commands", {"": command})
        options |= {
            (option.name, option.help)
            for each in below.values()
            for option in each.params
            if "--json" in option.opts
        }
    assert options == {("as_json", "One JSON object on standard output.")}


@pytest.mark.parametrize(
    ("module", "extra"), [("torch", "train"), ("ray", "ray"), ("wandb", "wandb"), ("h5py", "hdf5")]
)
def test_a_missing_extra_is_one_line_that_says_what_to_install(
    module: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unavailable() -> None:
        monkeypatch.setitem(sys.modules, module, None)
        importlib.import_module(module)

    monkeypatch.setattr("physscale.cli.upkeep.doctor_command", unavailable)
    code, out, err = said(["doctor"], capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"pip install 'physscale[{extra}]'" in err


def test_a_module_that_no_extra_brings_is_our_own_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        importlib.import_module("physscale.no_such_module")

    monkeypatch.setattr("physscale.cli.upkeep.doctor_command", broken)
    with pytest.raises(ModuleNotFoundError):
        main(["doctor"])
