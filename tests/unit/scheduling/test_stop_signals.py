"""A request to stop is heard once, from whichever side it comes."""

import inspect
import io
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from physscale.cli.terminal import Patient
from physscale.records import leaving
from physscale.records.leaving import Stopped, clear_away, heard, leaving_on_signals
from physscale.scheduling.signals import stop_signals
from tests.paths import ROOT

TALKER = """
import sys, time
from pathlib import Path
from physscale.scheduling.signals import stop_signals

with stop_signals(lambda: print("asked", flush=True)) as caught:
    Path(sys.argv[1]).touch()
    while not caught:
        print("at work", flush=True)
        time.sleep(0.02)
    for _ in range(20):  # saves, and tells of it
        print("saving", flush=True)
        time.sleep(0.02)
Path(sys.argv[1]).write_text("saved")
sys.exit(128 + caught[0])
"""


def test_a_terminal_that_ends_is_heard_and_what_is_at_work_is_saved(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ours, theirs = pty.openpty()
    worker = subprocess.Popen(
        [sys.executable, "-c", TALKER, str(mark)],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    deadline_s = time.monotonic() + 60
    while not mark.exists():
        assert worker.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    os.close(ours)
    assert worker.wait(60) == 128 + signal.SIGHUP
    assert mark.read_text() == "saved"


def take_terminal() -> None:
    """The terminal of standard input becomes the session's own."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


def test_nohup_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in heard()
        with stop_signals(lambda: None) as caught:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
        assert not caught
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGHUP in heard()


def test_a_terminal_may_end_more_than_once(capfd: pytest.CaptureFixture[str]) -> None:
    asked: list[int] = []
    with stop_signals(lambda: asked.append(1)) as caught:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.02)
    assert asked == [1]
    assert set(caught) == {signal.SIGHUP}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_has_nothing_to_save_leaves_with_the_signals_code(
    number: signal.Signals,
) -> None:
    closed: list[str] = []

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            closed.append("file")

    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=f"stopped by {number.name}") as stopped, leaving_on_signals():
        work()
    assert stopped.value.exit_code == 128 + number
    assert closed == ["file"]
    assert signal.getsignal(number) is before


def test_a_reader_that_leaves_stops_nothing() -> None:
    """`physscale run STUDY | head -1` finishes the study."""
    ours, theirs = os.pipe()
    os.close(ours)
    with io.FileIO(theirs, "w") as raw, io.TextIOWrapper(raw, write_through=True) as pipe:
        out = Patient(file=pipe)
        out.print("nobody reads this")
        out.print("nor this")


IMPORTING = """
import importlib, sys
from pathlib import Path
from physscale.records.leaving import Stopped, leaving_on_signals
Path(sys.argv[1], "slow_to_import.py").write_text(
    "import os, signal, time\\n"
    "os.kill(os.getpid(), signal.SIGTERM)\\n"
    "time.sleep(0.3)\\n"
)
sys.path.insert(0, sys.argv[1])
try:
    with leaving_on_signals():
        importlib.import_module("slow_to_import")
        print("imported", flush=True)
        import time
        time.sleep(60)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


def test_an_import_that_is_under_way_ends_first(tmp_path: Path) -> None:
    """An exception in the middle of torch's own import aborted the process (exit code 134)."""
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTING, str(tmp_path)], capture_output=True, text=True, timeout=50
    )
    assert (ran.returncode, ran.stdout) == (128 + signal.SIGTERM, "imported\n"), ran.stderr


CALLED_BY_CPP = """
import os, signal, sys, time
from physscale.records.leaving import Stopped, leaving_on_signals, sheltered

@sheltered
def callback():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)
    print("returned", flush=True)

try:
    with leaving_on_signals():
        callback()
        time.sleep(60)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


def test_what_cpp_code_has_called_ends_first() -> None:
    """An exception in a contact listener aborted the process (exit code 134)."""
    ran = subprocess.run(
        [sys.executable, "-c", CALLED_BY_CPP], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert (ran.returncode, ran.stdout) == (128 + signal.SIGTERM, "returned\n"), ran.stderr


DROPPED = """
import ctypes, os, signal, sys, time
from physscale.records.leaving import Stopped, leaving_on_signals

def struck():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)

class Held:
    def __del__(self):
        struck()

def dropped():
    Held()

try:
    with leaving_on_signals():
        {call}
        print("on", flush=True)
        time.sleep(60)
except Stopped as stopped:
    sys.exit(stopped.exit_code)
"""


@pytest.mark.parametrize("call", ["dropped()", "ctypes.CFUNCTYPE(None)(struck)()"])
def test_a_signal_is_heard_where_python_drops_what_is_raised(call: str) -> None:
    """numba's cache is read by a function that C calls. Ctrl-C there printed a traceback, and the
    command went on."""
    script = DROPPED.format(call=call)
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (128 + signal.SIGTERM, "on\n", "")


@pytest.mark.parametrize("name", ["BeginContact", "EndContact", "PreSolve", "PostSolve"])
def test_box2d_calls_sheltered_functions_alone(name: str) -> None:
    pytest.importorskip("Box2D")
    from physscale.simulate.phyre.contacts import Contacts

    called = inspect.unwrap(getattr(Contacts, name))
    assert called.__code__ in leaving._sheltered


def test_what_is_only_for_a_while_is_removed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes in the midst of the removal."""
    folder, removes = tmp_path / "scratch", shutil.rmtree
    folder.mkdir()

    def slowly(path: Path, *, ignore_errors: bool) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        removes(path, ignore_errors=ignore_errors)

    def work() -> None:
        with leaving_on_signals():
            clear_away(folder)
            time.sleep(5)

    monkeypatch.setattr(shutil, "rmtree", slowly)
    with pytest.raises(Stopped):
        work()
    assert not folder.exists()
