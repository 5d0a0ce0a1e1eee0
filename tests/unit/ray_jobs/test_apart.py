"""A process of its own for Ray: what dies in it leaves the driver alive, and it dies with its
driver. No Ray is started here."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from physscale.ray_jobs.apart import apart, screen, stop_if, stoppable
from physscale.records.errors import ClusterLost, DiskFull, Unschedulable
from physscale.records.leaving import Stopped
from tests.paths import ROOT


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def speak() -> int:
    os.write(1, b"Ray says much\n")
    print("a traceback", file=sys.stderr)
    print("physscale: one line", file=screen())
    return os.getpid()


def refuse() -> None:
    raise Unschedulable("run_cpus=9: there are 2")


def stumble() -> None:
    raise ValueError("Node timed out\nduring startup")


def fill() -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/full/file")


def hear_all() -> str:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    time.sleep(0.2)
    return "goes on"


def until(mark: Path) -> None:
    while True:
        stop_if(mark)
        time.sleep(0.02)


def until_then_done(mark: Path) -> int:
    while not mark.exists():
        time.sleep(0.02)
    return 3


def last_long(mark: Path) -> None:
    mark.write_text(str(os.getpid()))
    time.sleep(600)


def test_what_is_printed_goes_to_the_log_and_our_lines_to_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "ray.log"
    assert apart(speak, log=log) != os.getpid()
    assert capfd.readouterr() == ("", "physscale: one line\n")
    assert log.read_text().splitlines() == ["Ray says much", "a traceback"]


def test_a_log_without_a_line_is_not_left(tmp_path: Path) -> None:
    assert apart(os.getpid, log=tmp_path / "ray.log") > 0
    assert not list(tmp_path.iterdir())


def test_signals_are_the_drivers_business(tmp_path: Path) -> None:
    assert apart(hear_all, log=tmp_path / "ray.log") == "goes on"


def test_a_signal_makes_the_mark_and_the_work_ends_by_it(tmp_path: Path) -> None:
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGHUP)).start()
    with pytest.raises(Stopped, match="run again") as stopped:
        stoppable(until, root=tmp_path)
    assert stopped.value.exit_code == 129
    assert not list(tmp_path.iterdir())


def test_a_signal_is_told_though_the_work_has_ended(tmp_path: Path) -> None:
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Stopped) as stopped:
        stoppable(until_then_done, root=tmp_path)
    assert stopped.value.exit_code == 143


@pytest.mark.parametrize(
    ("work", "kind", "words"),
    [
        (die, ClusterLost, "its process ended"),
        (refuse, Unschedulable, r"^run_cpus=9: there are 2$"),
        (stumble, ClusterLost, r"^ValueError: Node timed out during startup$"),
        (fill, DiskFull, r"^cannot write /full/file: No space left on device"),
    ],
)
def test_what_goes_wrong_there_is_one_line_here(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    work: object,
    kind: type[Exception],
    words: str,
) -> None:
    with pytest.raises(kind, match=words):
        apart(work, log=tmp_path / "ray.log")  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")


def test_it_dies_with_its_driver(tmp_path: Path) -> None:
    mark = tmp_path / "process"
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.ray_jobs.test_apart", str(mark)], cwd=ROOT
    )
    deadline_s = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    child = Path(f"/proc/{mark.read_text()}")
    while child.exists() and "zombie" not in (child / "status").read_text():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


if __name__ == "__main__":
    given = Path(sys.argv[1])
    apart(partial(last_long, given), log=given.with_name("ray.log"))
