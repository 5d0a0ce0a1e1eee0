"""Ways to damage a file.

After damage a reader may refuse in one line, or give what it gave before. Anything else is a wrong
result."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from physscale.records.errors import UserError

Ending = Literal["found", "harmless", "wrong", "not one line", "traceback"]
Harm = Callable[..., dict[Path, bytes]]


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and everything that a reader makes of them."""

    files: tuple[Path, ...]
    look: Callable[[], Any]
    prefix_is_whole: bool = False
    """A ledger that is cut short is the ledger of a moment before: work is done again."""


@contextmanager
def restored(*paths: Path) -> Iterator[None]:
    """Every file is as it was, afterwards."""
    before = {path: path.read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


def truncated(kind: Kind, *, chance: random.Random) -> dict[Path, bytes]:
    """One file cut short."""
    file = chance.choice(kind.files)
    content = file.read_bytes()
    return {file: content[: chance.randrange(len(content))]}


def flipped(kind: Kind, *, chance: random.Random) -> dict[Path, bytes]:
    """One bit of one file flipped."""
    file = chance.choice(kind.files)
    changed = bytearray(file.read_bytes())
    bit = chance.randrange(8 * len(changed))
    changed[bit // 8] ^= 1 << bit % 8
    return {file: bytes(changed)}


def swapped(kind: Kind, *, chance: random.Random) -> dict[Path, bytes]:
    """Two different files of the kind, each in the other's place; none where there is one."""
    pairs = [
        (one, other)
        for one in kind.files
        for other in kind.files
        if one < other and one.read_bytes() != other.read_bytes()
    ]
    if not pairs:
        return {}
    one, other = chance.choice(pairs)
    return {one: other.read_bytes(), other: one.read_bytes()}


HARMS = (truncated, flipped, swapped)


def damaged(kind: Kind, *, harm: Harm, times: int, seed: str) -> Counter[Ending]:
    """How often the reader ended in which way.

    Raises:
        AssertionError: with the seed and the file, for a wrong result or a traceback.
    """
    chance, before, endings = random.Random(seed), kind.look(), Counter[Ending]()
    for number in range(times):
        changes = harm(kind, chance=chance)
        with restored(*changes):
            for file, content in changes.items():
                file.write_bytes(content)
            how, said = ending(kind, before=before)
        assert how in ("found", "harmless"), f"{seed} {number} {list(changes)}: {how}: {said}"
        endings[how] += bool(changes)
    return endings


def ending(kind: Kind, *, before: Any) -> tuple[Ending, str]:
    """What the reader makes of the files now, and what it said."""
    try:
        after = kind.look()
    except UserError as refused:
        said = str(refused)
        return ("found" if "\n" not in said and len(said) < 500 else "not one line"), said
    except Exception as error:  # what a user would see as a traceback
        return "traceback", f"{type(error).__name__}: {error}"
    if kind.prefix_is_whole:
        before = before[: len(after)]
    return ("harmless" if after == before else "wrong"), ""
