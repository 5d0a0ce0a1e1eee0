"""Work in forks that a fault point strikes, again and again, until it is done.

A strike is `kill -9`, or a disk that is full from then on until the process has ended. Every number
of strikes is drawn from a seed. The oracle is equality with the undisturbed work."""

import errno
import json
import os
import random
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from physscale.records import fault
from physscale.records.errors import UserError

Strike = Literal["kill", "full disk"]


@dataclass(frozen=True)
class Work:
    """What is done in a folder, what is seen there afterwards, and how many points it passes."""

    do: Callable[[Path], None]
    look: Callable[[Path], object]
    points: int


@dataclass
class Told:
    """What happened. `wrong` has a line for each difference from the undisturbed work."""

    strikes: int = 0
    points: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    wrong: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)


class Striker:
    """Strikes at the n-th point that this process passes; a full disk stays full."""

    def __init__(self, number: int, *, strike: Strike, note: Path) -> None:
        self._left, self._strike, self._note = number, strike, note

    def __call__(self, name: str) -> None:
        self._left -= 1
        if self._left == 0:
            self._note.write_text(name)
            if self._strike == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        if self._left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def struck(work: Callable[[Path], None], folder: Path, *, striker: Striker | None) -> bool:
    """Do the work in a fork of this process, which has no threads; whether it ended well. A
    traceback that a user would see is left beside the folder."""
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1] == 0
    fault.arm(striker)
    status = 1
    try:
        work(folder)
        status = 0
    except UserError:
        pass
    except BaseException:
        folder.with_suffix(".traceback").write_text(traceback.format_exc())
    finally:
        os._exit(status)


def main(work: Work, root: Path, *, strikes: int, seed: int, strike: Strike) -> Told:
    chance, told = random.Random(seed), Told()
    whole, note = root / "whole", root / "note"
    root.mkdir(parents=True, exist_ok=True)
    assert struck(work.do, whole, striker=None), "undisturbed"
    while True:
        folder, last = root / f"struck-{told.ended}", told.strikes >= strikes
        striker = Striker(chance.randint(1, work.points), strike=strike, note=note)
        well = struck(work.do, folder, striker=None if last else striker)
        if note.exists():
            told.strikes += 1
            told.points[note.read_text()] += 1
            note.unlink()
        if well:
            told.ended += 1
        if last:
            break
    told.tracebacks += [file.read_text() for file in root.glob("*.traceback")]
    wanted = work.look(whole)
    told.wrong += [folder.name for folder in root.glob("struck-*") if work.look(folder) != wanted]
    told.wrong += [] if well else ["the last did not end well"]
    return told


def tell(work: Work) -> None:
    """A program of its own: `FOLDER STRIKES SEED STRIKE`; one line of output."""
    place, strikes, seed, how = sys.argv[1:]
    strike: Strike = "kill" if how == "kill" else "full disk"
    told = main(work, Path(place), strikes=int(strikes), seed=int(seed), strike=strike)
    print(json.dumps(vars(told)))
