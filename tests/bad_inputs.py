"""Bad tables and bad options for the commands of the analysis, drawn from a seed.

A case is a call that a person might make by mistake: a good call of some command, with one or two
things wrong in the file, in an option, or in both."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

QUICK = {"--bootstrap": "20"}
ON_TABLES: dict[str, dict[str, str]] = {
    "fit": {**QUICK, "--no-holdout": "", "--no-profile": ""},
    "verdict": {},
    "frontier": QUICK,
    "next": {**QUICK, "--parameter": "alpha", "--budget": "1e9"},
    "compare": {"--axes": "x=N", "--laws": "power-zero,flat", "--worlds": "20"},
    "plot": QUICK,
    "report": QUICK,
}
SLOW = ("plot", "report")
"""They draw figures where they accept a table: they get tables that cannot be fitted."""

CELLS = (
    *("", "nan", "inf", "-inf", "0", "-1", "1e400", "1e-400", "1e308", "99999999999999999999"),
    *("ten", "10M", "10m", "1,5", '"1,000"', "12%", "NULL", "#N/A", "true", "2024-01-01", "0x10"),
    *(
        "=cmd()",
        "<script>",
        "\x1b[2J",
        "\u202eabc",
        "'",
        "`",
        "é",
        "∞",
        "1_000",
        "9007199254740993",
    ),
)
NAMES = ("", "N ", "n", "loss\n", "größe", "a,b", "x" * 500, "\x1b[31m", "N=D", "__proto__", "'")
WORDS = (
    *("", " ", "nan", "inf", "-inf", "-1", "0", "1e400", "1e-400", "ten", "N", "N,D", "N=", "=N"),
    *(",", "N,,D", "N=D,D=N", "power", "flat", "power-nd,power-nd", "isotonic", "ratio-logit"),
    *("∞", "\x1b[2J", "a" * 3000, "99999999999999999999", "1,2,x", "N == 1", "N >= 10^7", "(" * 99),
    *("not " * 99, "split == id or N > 1K", "../..", "/", "/dev/full", "power@-1", "power@nan"),
)
OPTIONS = (
    *("--response", "--axes", "--split", "--seed-column", "--count-column", "--flops-column"),
    *("--where", "--delta", "--bootstrap", "--seed", "--law", "--floor", "--margin", "--budgets"),
    *("--budget", "--parameter", "--laws", "--worlds", "--draws", "--out", "--width", "--json"),
)


PLAUSIBLE: dict[str, tuple[str, ...]] = {
    "--response": ("N", "seed", "split", "flops", "count"),
    "--axes": ("N=N,D=N", "x=N", "N", "N,D,C=count", "N=seed,D=split", "D,N"),
    "--split": ("split", "seed", "N"),
    "--seed-column": ("seed", "split", "D"),
    "--count-column": ("count", "seed", "split"),
    "--flops-column": ("flops", "seed", "N", "split"),
    "--where": ("split == id", "N > 1K or D < 10K", "seed != 0", "count == '100'"),
    "--delta": ("inf", "1e-300", "1e300", "0.001"),
    "--bootstrap": ("0", "1", "2", "3"),
    "--law": ("flat", "power", "power-zero", "power-nd-tied", "coupled", "ratio-power"),
    "--floor": ("0", "0.05", "1e-300", "1e300"),
    "--margin": ("1e-300", "0.999999", "0.2"),
    "--budgets": ("1e-300", "1e300", "1,1", "1e9,1e10"),
    "--budget": ("1e-300", "1", "1e300"),
    "--parameter": ("beta", "E", "A"),
    "--laws": ("power-nd@0,power-nd", "power-nd@9,flat", "flat,flat@0.1", "power-nd-tied,flat"),
}


@dataclass(frozen=True)
class Case:
    """A call: the arguments, of which the first after the command is the file."""

    arguments: tuple[str, ...]
    content: bytes


def bad_input(seed: int, *, folder: Path) -> Case:
    """The case of this seed; what a command writes goes below `folder`."""
    rng = np.random.default_rng(seed)
    command = str(rng.choice(list(ON_TABLES), p=[0.3, 0.26, 0.14, 0.14, 0.08, 0.04, 0.04]))
    content = _file(rng, few=command in SLOW)
    options = {"--response": "loss", "--axes": "N,D"} | ON_TABLES[command]
    if rng.random() < 0.4:
        options["--split"] = "split"
    if command in ("plot",):
        options["--out"] = str(folder / "out")
    if command not in SLOW and rng.random() < 0.6:
        for option in rng.choice(OPTIONS, size=int(rng.integers(1, 4))):
            words = PLAUSIBLE.get(option, WORDS) if rng.random() < 0.7 else WORDS
            options[str(option)] = str(rng.choice(words))
    for option in ("--out", "--draws"):
        if option in options and not options[option].startswith("/"):
            options[option] = str(folder / options[option])
    path = folder / f"runs.{rng.choice(['csv', 'csv', 'tsv', 'txt', 'parquet'])}"
    flat = [word for option, value in options.items() for word in (option, value) if word]
    return Case((command, str(path), *flat), content)


def _file(rng: np.random.Generator, *, few: bool) -> bytes:
    rows = _rows(rng, levels=2 if few else 4)
    for _ in range(int(rng.integers(0, 3))):
        rows = _MUTATIONS[int(rng.integers(len(_MUTATIONS)))](rows, rng)
    if rng.random() < 0.15:
        return _parquet(rows, rng)
    mark = str(rng.choice([",", ",", ",", ";", "\t"]))
    text = "\n".join(mark.join(row) for row in rows) + "\n"
    encoding = str(rng.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    raw = text.encode(encoding, "replace")
    return _torn(raw, rng) if rng.random() < 0.15 else raw


def _rows(rng: np.random.Generator, *, levels: int) -> list[list[str]]:
    axis = [10 ** (3 + k) for k in range(levels)]
    return [["N", "D", "loss", "split", "seed", "flops", "count"]] + [
        [
            str(n),
            str(d),
            f"{(0.1 + 3 * n**-0.3 + 4 * d**-0.4) * np.exp(rng.normal(0, 0.02)):.5f}",
            split,
            "0",
            f"{6 * n * d}",
            "100",
        ]
        for split in ("id", "ood")
        for n in axis
        for d in axis
    ]


Rows = list[list[str]]


def _cell(rows: Rows, rng: np.random.Generator) -> Rows:
    """A few wrong cells."""
    rows = [list(row) for row in rows]
    for _ in range(int(rng.integers(1, 5))):
        row = rows[int(rng.integers(len(rows)))]
        if row:
            row[int(rng.integers(len(row)))] = str(rng.choice(CELLS))
    return rows


def _column(rows: Rows, rng: np.random.Generator) -> Rows:
    """A column with one value everywhere."""
    place, cell = int(rng.integers(7)), str(rng.choice(CELLS))
    return rows[:1] + [[*row[:place], cell, *row[place + 1 :]] for row in rows[1:]]


def _header(rows: Rows, rng: np.random.Generator) -> Rows:
    """A wrong name."""
    names = list(rows[0]) if rows else ["N"]
    names[int(rng.integers(len(names)))] = str(rng.choice([*NAMES, *names]))
    return [names, *rows[1:]]


def _ragged(rows: Rows, rng: np.random.Generator) -> Rows:
    """A row too long or too short."""
    place = int(rng.integers(len(rows)))
    row = rows[place]
    changed = row[:-1] if rng.random() < 0.5 else [*row, "1"]
    return [*rows[:place], changed, *rows[place + 1 :]]


def _fewer(rows: Rows, rng: np.random.Generator) -> Rows:
    """Only the first rows."""
    return rows[: int(rng.integers(1, 6))]


def _doubled(rows: Rows, rng: np.random.Generator) -> Rows:
    """Every row again."""
    return rows + rows[1:]


_MUTATIONS: tuple[Callable[[Rows, np.random.Generator], Rows], ...] = (
    _cell,
    _cell,
    _cell,
    _column,
    _header,
    _ragged,
    _fewer,
    _doubled,
)


def _torn(raw: bytes, rng: np.random.Generator) -> bytes:
    """Cut short, with foreign bytes inside, or nothing but foreign bytes."""
    kind = rng.random()
    if kind < 0.4:
        return raw[: int(rng.integers(len(raw)))]
    foreign = rng.bytes(int(rng.integers(1, 200)))
    return foreign if kind < 0.6 else raw[:100] + foreign + raw[100:]


def _parquet(rows: Rows, rng: np.random.Generator) -> bytes:
    """A column keeps its text or gets another type."""
    columns = {}
    for place, name in enumerate(rows[0]):
        cells = [row[place] if place < len(row) else "" for row in rows[1:]]
        kind = int(rng.integers(8))
        columns[name] = [
            cells,
            [_float(cell) for cell in cells],
            [_float(cell) for cell in cells],
            [_float(cell) for cell in cells],
            [[cell] for cell in cells],
            [cell.encode() for cell in cells],
            [None] * len(cells),
            [2**62 + at for at in range(len(cells))],
        ][kind]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    raw = sink.getvalue()
    return _torn(raw, rng) if rng.random() < 0.2 else raw


def _float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
