"""Configurations as people mistype them and as nobody would: drawn from a seed, over every field of
the specifications."""

import dataclasses
import random
from collections.abc import Iterator
from typing import Any

from physscale.records.errors import UserError
from physscale.run.cost import cost
from physscale.study.overrides import overridden
from physscale.study.spec import Study

LONGEST = 500
VALUES = (
    *("", " ", "null", "~", "none", "true", "no", "0", "-1", "1", "2", "3", "7", "1e3", "1e30"),
    *("1e400", "-1e400", "nan", ".nan", "inf", "-.inf", "0x10", "0o17", "010", "1:30", "1_000"),
    *("99999999999999999999", "-99999999999999999999", "0.1", "1.5", "1e-300", "x", "'", '"', "\\"),
    *("[", "]", "[]", "[1]", "[[1,2]]", "[[2,1]]", "[[1,2],[3]]", "[[[]]]", "{", "{}", "{a: 1}"),
    *("${oc.env:HOME}", "${oc.decode:1}", "${train.steps}", "!!python/object:os.system", "!!int x"),
    *("*a", "&a [*a]", "<<", "---", "...", "# c", "a: b", "- 1", "|", ">", "%", "@", "`", "\t"),
    *(
        "\x00",
        "\x07",
        "\x1b[2J",
        "\n",
        "1\n2",
        "\u202e",
        "ü",
        "😀",
        "\ud800",
        "../..",
        "/etc/passwd",
    ),
    *("v", "x", "adamw", "muon", "bf16", "fp32", "horizontal", "held_out", "[" * 400, "9" * 5000),
)


def wrong(study: Study, *, seed: int, times: int) -> Iterator[tuple[str, ...]]:
    """Lists of one to three overrides: right and wrong keys, right and wrong values."""
    chance = random.Random(seed)
    paths = sorted({path for run in study.runs.values() for path in _paths(run)})
    for _ in range(times):
        yield tuple(
            f"{_mistyped(chance.choice(paths), chance)}={chance.choice(VALUES)}"
            for _ in range(chance.choice((1, 1, 1, 2, 3)))
        )


def _mistyped(path: str, chance: random.Random) -> str:
    if chance.random() < 0.85:
        return path
    place = chance.randrange(len(path) + 1)
    letter = chance.choice(["", "x", ".", "*", "=", " ", "[", "\x00", "é", "0", "-1"])
    return path[:place] + letter + path[place + chance.randint(0, 2) :]


def _paths(owner: Any, *, before: str = "") -> Iterator[str]:
    if isinstance(owner, tuple):
        for at, item in enumerate(owner):
            yield from _paths(item, before=f"{before}{at}.")
        yield f"{before}*"
    elif dataclasses.is_dataclass(owner):
        for each in dataclasses.fields(owner):
            yield f"{before}{each.name}"
            yield from _paths(getattr(owner, each.name), before=f"{before}{each.name}.")


def fault_of(study: Study, overrides: tuple[str, ...]) -> str:
    """What is wrong with the answer to these overrides; empty if nothing is: either one line says
    what to do, or every run has a price."""
    try:
        changed = overridden(study, overrides=list(overrides))
        for run in changed.runs.values():
            cost(run)
    except UserError as refused:
        if len(str(refused)) > LONGEST:
            return f"too long: {str(refused)[:400]!r}"
    except Exception as error:  # what a user would see as a traceback
        return f"{type(error).__name__}: {error}"[:400]
    return ""
