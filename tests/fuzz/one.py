"""Fuzzes one reader in this process: `python -m tests.fuzz.one TARGET FOUND [libFuzzer's options]`.

Each new kind of failure is kept as a file in the folder FOUND, with its traceback beside it, and
the fuzzing goes on. A hang ends the process."""

import importlib
import sys
import tempfile
import traceback
from pathlib import Path

import atheris

from tests.fuzz.oracle import judge
from tests.paths import ROOT

COMPILED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "physscale").rglob("*.py")
    if "@compiled" in path.read_text()
]
"""Numba compiles loops from their own bytecode, which must stay as it is."""


def main() -> None:
    name, found, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["analysis", "physscale"], exclude=COMPILED):
        target = importlib.import_module(f"tests.fuzz.{name}")
    target.seeds()  # what a target makes once, outside of the time limit
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:

        def once(data: bytes) -> None:
            try:
                judge(target, data, folder=Path(folder))
            except Exception as error:  # the one place that asks what kinds there are
                keep(error, data, found=Path(found))

        atheris.Setup(sys.argv[:1] + options, once)
        atheris.Fuzz()


def keep(error: Exception, data: bytes, *, found: Path) -> None:
    """Write the input unless this kind of error, at this place, is known."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    file = found / f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
    if not file.exists():
        file.write_bytes(data)
        file.with_suffix(".txt").write_text(
            "".join(traceback.format_exception(error)), errors="backslashreplace"
        )


if __name__ == "__main__":
    main()
