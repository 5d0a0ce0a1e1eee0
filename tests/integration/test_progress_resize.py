"""The live table in a real terminal (a pseudo terminal) that is made smaller and larger while runs
go on."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from pathlib import Path

from physscale.records.store import Store
from tests.sweep_doubles import STEP_S

SEEDS, STEPS = 30, 6
SIZES = [(30, 120), (12, 70), (8, 50), (40, 160)]
"""Lines and columns, one after the other."""

PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from physscale.scheduling.resources import Machine
from physscale.records.store import Store
from physscale.study.drive import drive
from physscale.study.plan import plan
from physscale.study.progress import progress
from tests.sweep_doubles import counting_execute, tiny_study

seeds = range(100, 100 + int(sys.argv[2]))
study, store = tiny_study(seeds=seeds, steps=int(sys.argv[3])), Store(Path(sys.argv[1]))
rows = plan(study, store=store, flops_per_s=1e10)
with progress(rows, store=store, at_a_time=1, console=Console()) as watch:
    drive(
        study,
        store=store,
        backend="plain",
        machine=Machine(),
        execute=counting_execute,
        watch=watch,
    )
"""


def set_size(terminal: int, *, lines: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def frames(text: str) -> list[str]:
    """What was drawn each time: between two moves of the cursor back to the table's beginning."""
    return [
        re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", part).replace("\r", "")
        for part in re.split(r"(?:\x1b\[1A|\x1b\[2K)+", text)
    ]


def read_for(terminal: int, *, seconds: float) -> str:
    """All that the terminal shows in this time."""
    shown, deadline_s = b"", time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
    return shown.decode(errors="replace")


def test_the_table_fits_whatever_size_the_terminal_takes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    child, terminal = pty.fork()
    if child == 0:
        environment = {
            key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}
        }
        os.execve(
            sys.executable,
            [sys.executable, "-c", PROGRAM, str(store.root), str(SEEDS), str(STEPS)],
            environment | {STEP_S: "0.1", "TERM": "xterm"},
        )
    seen = []
    try:
        set_size(terminal, lines=SIZES[0][0], columns=SIZES[0][1])
        deadline_s = time.monotonic() + 120
        while not list(tmp_path.glob("calls/*")):
            assert time.monotonic() < deadline_s, read_for(terminal, seconds=0.1)
            read_for(terminal, seconds=0.2)
        for lines, columns in SIZES:
            set_size(terminal, lines=lines, columns=columns)
            read_for(terminal, seconds=1.2)  # what was on its way in the old size
            drawn = [
                frame for frame in frames(read_for(terminal, seconds=2.5)) if "runs done" in frame
            ]
            assert drawn, f"nothing was drawn at {lines} x {columns}"
            seen.append(drawn[-1])
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
    for (lines, columns), frame in zip(SIZES, seen, strict=True):
        rows = frame.strip("\n").split("\n")
        assert max(map(len, rows)) <= columns, (columns, rows)
        assert len(rows) <= lines, (lines, rows)
        assert "RUNNING" in frame, "the run that is going is shown, however few lines there are"
        assert re.search(r"\d+ of 30 runs done · .* left", frame.replace("\n", " "))
    assert len(seen[3].split("\n")) > len(seen[2].split("\n")), "a larger terminal shows more"
