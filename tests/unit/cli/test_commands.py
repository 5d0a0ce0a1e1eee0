"""The command line knows its commands by name and imports one when it is called."""

import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("name", COMMANDS)
def test_the_terminal_breaks_the_lines_of_the_help(name: str) -> None:
    """Those of the source are as wide as the source."""
    paragraphs = COMMANDS[name].load(name).help.split("\n\n")
    assert [paragraph for paragraph in paragraphs if "\n" in paragraph] == []


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


@pytest.mark.parametrize("out", ["file/out", "loop/out", "/proc/out", "x" * 300])
@pytest.mark.parametrize("command", ["next", "fit", "simulate"])
def test_a_place_that_cannot_be_written_is_one_line(
    command: str, out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some of these ended in a traceback."""
    (tmp_path / "file").write_text("a file of the user's own")
    (tmp_path / "loop").symlink_to("loop")
    levels = [1e3, 1e4, 1e5, 1e6]
    rows = [(n, d, 0.1 + 3 * n**-0.3 + 4 * d**-0.4) for n in levels for d in levels]
    table = tmp_path / "runs.csv"
    table.write_text("N,D,loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    fit = [str(table), "--response", "loss", "--axes", "N,D", "--bootstrap", "9"]
    words = {
        "next": ["next", *fit, "--parameter", "alpha", "--budget", "1e9", "--out"],
        "fit": ["fit", *fit, "--draws"],
        "simulate": ["simulate", "uniform", "--videos", "2", "--out"],
    }[command]
    code, _, err = said([*words, str(tmp_path / out)], capsys)
    assert code == 2
    assert err.splitlines()[-1].startswith("physscale: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["status", "metrics", "logs", "gc", "plan", "score"])
def test_a_folder_in_the_place_of_a_name_is_told_the_way(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quickstart").mkdir()
    (tmp_path / "quickstart" / "study.json").write_text("{}")
    code, _, err = said([command, f"{tmp_path}/quickstart"], capsys)
    assert code == 2
    assert err.endswith(f"write quickstart --results {tmp_path}\n")
