"""The package is installable by parts: what each extra brings, and what works without it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from physscale.records.extras import extra_of, extras
from tests.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OTHER_NAMES = {"yaml": "pyyaml"}
"""Packages that are imported by another name than they are installed by."""

ELSEWHERE = {"phyre", "physscale", "analysis"}
"""Ours, and what only the child process of PHYRE's own Python imports."""

HEAVY = {"torch", "torchvision", "ray", "wandb", "wandb_workspaces", "lpips"}
RUNS = "N,loss\n" + "".join(f"{n},{2.0 * n**-0.5}\n" for n in (10, 30, 100, 300, 1000, 3000))
FIT = ["fit", "runs.csv", "--law", "power-zero", "--response", "loss", "--axes", "N", "--json"]
BLOCK = (
    "import sys\n"
    "class Blocked:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.partition('.')[0] in {names}:\n"
    "            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)\n"
    "sys.meta_path.insert(0, Blocked())\n"
)
"""Modules of these names cannot be imported, as where they are not installed."""


def test_every_package_that_is_imported_is_named() -> None:
    """One that only another package brings is gone when that one drops it."""
    optional = PROJECT["optional-dependencies"]
    listed = [*PROJECT["dependencies"], *(one for extra in optional.values() for one in extra)]
    named = {re.split(r"[<>=\[ ]", one)[0].lower().replace("-", "_") for one in listed}
    imported = {
        name.partition(".")[0]
        for room in ("physscale", "analysis")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
    }
    foreign = imported - set(sys.stdlib_module_names) - ELSEWHERE
    assert {OTHER_NAMES.get(name, name).lower() for name in foreign} <= named


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def run_without(names: set[str], code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=names) + code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT)), "PATH": "/usr/bin:/bin"},
    )


def modules(requirements: list[str]) -> set[str]:
    names = (line.partition("[")[0].partition(">")[0].partition("=")[0] for line in requirements)
    return {name.lower().replace("-", "_") for name in names}


def test_the_heavy_packages_are_extras() -> None:
    small = modules(PROJECT["dependencies"])
    for extra in ("analysis", "hdf5", "phyre", "tensorboard"):
        small |= modules(PROJECT["optional-dependencies"][extra])
    assert not HEAVY & small


def test_all_holds_every_part_and_dev_holds_all() -> None:
    parts = PROJECT["optional-dependencies"]
    named = parts["all"][0].removeprefix("physscale[").removesuffix("]").split(",")
    assert set(named) == set(parts) - {"all", "dev", "fuzz"}, "a fuzzer is nobody's part"
    assert "physscale[all]" in parts["dev"]


def test_the_installed_metadata_is_that_of_the_project() -> None:
    """`missing_extra` reads it; where this fails, `make` installs the package again."""
    for extra, requirements in PROJECT["optional-dependencies"].items():
        assert extras()[extra] == modules(requirements), extra
    assert extras()[""] == modules(PROJECT["dependencies"])
    assert (extra_of("Box2D"), extra_of("stlpips_pytorch")) == ("phyre", "train")
    assert extra_of("numpy") is None
    assert extra_of("no_such_module") is None


def test_the_analysis_fits_a_table_with_its_own_extra_alone(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(RUNS)
    others = set().union(*(extras()[name] for name in extras() if name not in ("", "analysis")))
    code = f"import runpy\nsys.argv[1:] = {FIT}\nrunpy.run_module('analysis', run_name='__main__')"
    done = run_without(others - {"physscale"}, code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "power-zero" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "quickstart"],
        ["simulate", "uniform", "--videos", "2", "--out", "drawn", "--size", "32"],
        ["show", "uniform", "--out", "shown"],
        ["status", "quickstart"],
        ["doctor"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_data_and_plans_need_no_extra(arguments: list[str], tmp_path: Path) -> None:
    others = set().union(*(extras()[name] for name in extras() if name)) - {"physscale"}
    code = f"from physscale.cli.main import main\nmain({arguments})"
    done = run_without(others, code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_analysis_extra_in_an_empty_environment(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for room in ("physscale", "analysis", "experiments"):
        shutil.copytree(ROOT / room, source / room)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    (tmp_path / "runs.csv").write_text(RUNS)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"

    def said(*command: str) -> subprocess.CompletedProcess[str]:
        done = [str(python), *command]
        return subprocess.run(done, capture_output=True, text=True, check=False, cwd=tmp_path)

    pins = ["-c", str(ROOT / "requirements.lock")]
    installed = said("-m", "pip", "install", "--quiet", *pins, f"{source}[analysis]")
    assert installed.returncode == 0, installed.stderr
    listed = said("-m", "pip", "list", "--format", "freeze").stdout.lower().splitlines()
    assert not HEAVY & {line.partition("==")[0].replace("-", "_") for line in listed}
    for start in (["-m", "analysis"], ["-m", "physscale"]):
        fitted = said(*start, *FIT)
        assert fitted.returncode == 0, fitted.stderr
        assert "power-zero" in fitted.stdout
    refused = said("-m", "physscale", "compare-videos", "a.arrow", "b.arrow")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    packages = python.parent.parent / "lib"
    assert {path.parent.name for path in packages.rglob("py.typed")} >= {"physscale", "analysis"}
