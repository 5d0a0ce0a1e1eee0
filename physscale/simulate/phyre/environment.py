"""PHYRE's own Python: finds an interpreter 3.9 or 3.8 and builds a virtual environment with the
pinned packages, once.

PyPI's `phyre` 0.2.2 is compiled for Python 3.6 to 3.9; physscale needs 3.11. So PHYRE runs as a
child process of its own interpreter."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from physscale.records.errors import UserError
from physscale.records.leaving import clear_away
from physscale.records.store import write_atomic

INTERPRETER_VARIABLE = "PHYSSCALE_PHYRE_PYTHON"
FOLDER_VARIABLE = "PHYSSCALE_PHYRE_HOME"
VERSIONS = ("3.9", "3.8")
PYARROW = {"3.9": "21.0.0", "3.8": "17.0.0"}
MARK = "complete"
PROBE_S, INSTALL_S = 20, 900
ADVICE = (
    "install Python 3.9 (`pyenv install 3.9`, `uv python install 3.9`, conda or your system's "
    "packages), or name one in "
    f"${INTERPRETER_VARIABLE}; then run `physscale phyre setup`"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that ran and reported its version."""

    path: Path
    version: str

    @property
    def packages(self) -> tuple[str, ...]:
        return ("phyre==0.2.2", f"pyarrow=={PYARROW[self.version]}")


def home() -> Path:
    """The folder of the environment: `$PHYSSCALE_PHYRE_HOME`, else in the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(cache) / "physscale" / "phyre"


def installed(folder: Path | None = None) -> Path:
    """The Python of the finished environment.

    Raises:
        UserError: where there is none yet.
    """
    folder = folder or home()
    python = folder / "bin" / "python"
    if not (folder / MARK).exists() or not python.exists():
        raise UserError(
            f"engine=phyre: no PHYRE environment at {folder}; run `physscale phyre setup`, or "
            "take engine=box2d"
        )
    return python


def setup(folder: Path | None = None) -> Path:
    """Builds the environment where it is not yet complete, and returns its Python. Safe to repeat
    and to run twice at once.

    Raises:
        UserError: where no interpreter is found, or an installation fails; the message says what to
            do.
    """
    folder = folder or home()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        mark, python = folder / MARK, folder / "bin" / "python"
        if (
            mark.exists()
            and python.exists()
            and mark.read_text() in {_recipe(version) for version in VERSIONS}
        ):
            return python
        chosen = find_interpreter()
        _clear(folder)
        quiet = ["--quiet", "--disable-pip-version-check"]
        try:
            _run([str(chosen.path), "-m", "venv", str(folder)], what=f"{chosen.path} -m venv")
            _run(
                [str(python), "-m", "pip", "install", *quiet, *chosen.packages],
                what="pip install phyre",
            )
            _run([str(python), "-c", "import phyre, pyarrow"], what="import phyre")
        except BaseException:  # a signal too
            clear_away(folder)
            raise
        write_atomic(mark, _recipe(chosen.version).encode())
        return python


def _clear(folder: Path) -> None:
    """Removes an unfinished or outdated environment, and nothing else."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise UserError(
            f"{folder} holds something that is no Python environment: name an empty or new folder "
            f"in ${FOLDER_VARIABLE}"
        )
    shutil.rmtree(folder)


def find_interpreter() -> Interpreter:
    """The first Python 3.9 or 3.8 that really runs (pyenv's shims of inactive versions do not).

    Raises:
        UserError: with the way to get one.
    """
    named = os.environ.get(INTERPRETER_VARIABLE)
    if named:
        found = probed(Path(named))
        if found is None:
            raise UserError(
                f"${INTERPRETER_VARIABLE}={named}: this is no Python 3.9 or 3.8 that runs; {ADVICE}"
            )
        return found
    for candidate in _candidates():
        found = probed(candidate)
        if found is not None:
            return found
    raise UserError(f"PHYRE needs a Python 3.9 or 3.8 beside this one and none was found: {ADVICE}")


def probed(path: Path) -> Interpreter | None:
    """The interpreter at this path, if it runs and is of a wanted version."""
    try:
        answer = subprocess.run(
            [str(path), "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = answer.stdout.strip()
    return Interpreter(path, version) if answer.returncode == 0 and version in VERSIONS else None


def _candidates() -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for version in VERSIONS:
        yield from sorted(pyenv.glob(f"versions/{version}*/bin/python{version}"), reverse=True)
        on_path = shutil.which(f"python{version}")
        if on_path:
            yield Path(on_path)


def _recipe(version: str) -> str:
    """A digest of what the environment holds: another pinned version means another environment."""
    return hashlib.sha256(
        " ".join((version, "phyre==0.2.2", PYARROW[version])).encode()
    ).hexdigest()


def _run(command: list[str], *, what: str) -> None:
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, errors = process.communicate(timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            raise UserError(f"{what} has not ended after {INSTALL_S} s; try again") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it has started
    if process.returncode != 0:
        last = (errors or out).strip().splitlines()[-1:] or ["no message"]
        raise UserError(f"{what} failed with code {process.returncode}: {last[0][:300]}")
