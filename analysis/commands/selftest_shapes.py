"""Which word does a curve of each shape get? Ladders over three decades, with one axis."""

from collections.abc import Callable, Iterator

import numpy as np

from analysis.commands.selftest import Design, Rate, sweep
from analysis.data.configurations import configurations
from analysis.verdict.verdict import decide

__all__ = ["SHAPES", "shape_lines", "shape_rates", "shape_table"]

Curve = Callable[[np.ndarray], np.ndarray]

SHAPES: dict[str, Curve] = {
    "a power law": lambda x: 3 * x**-0.3,
    "a floor, 79 % of the last error still to fall": lambda x: 0.2 + 6 * x**-0.3,
    "a floor, 10 % still to fall": lambda x: 0.9 + 0.1 * (x / 1000) ** -0.7,
    "a floor, 4 % still to fall": lambda x: 1.2 + 6 * x**-0.7,
    "a floor, 0.1 % still to fall": lambda x: 1.2 + 6 * x**-1.2,
    "a valley, lowest at two thirds": lambda x: np.exp(0.25 * np.abs(np.log(x / 100))),
    "a hump, highest at one third": lambda x: np.exp(-0.25 * np.abs(np.log(x / 10))),
}
"""Of x from 1 to 1,000."""

DESIGNS = (
    Design(6, 1, 1, 0.05, 0.0),
    Design(6, 1, 3, 0.05, 0.05),
    Design(7, 1, 3, 0.01, 0.0),
    Design(8, 1, 1, 0.05, 0.05),
)
WORDS = ("scales", "saturates", "flat", "worsens", "turns", "undetermined")

_FALSE: dict[str, tuple[str, ...]] = {
    "a power law": ("saturates", "flat", "worsens", "turns"),
    "a floor, 79 % of the last error still to fall": ("saturates", "flat", "worsens", "turns"),
    "a floor, 10 % still to fall": ("saturates", "flat", "worsens", "turns"),
    "a floor, 4 % still to fall": ("flat", "worsens", "turns"),
    "a floor, 0.1 % still to fall": ("scales", "flat", "worsens", "turns"),
}
"""What is not so. A valley or hump that is not seen as one has a trend, often enough."""


def words_of(curve: Curve, design: Design, *, worlds: int, seed: int = 0) -> dict[str, float]:
    """Share of each word; "turns" is that of undetermined verdicts which say where."""
    counts = dict.fromkeys(WORDS, 0)
    for world in range(worlds):
        axes, scatter = sweep(design, np.random.default_rng((seed, world, 11)))
        x = (axes["N"] / axes["N"].min()) ** 1.5  # two decades become three
        points = configurations({"N": x}, curve(x) * np.exp(scatter))
        found = decide(points, axis="N", permutations="none")
        counts["turns" if found.turn is not None else found.word] += 1
    return {word: count / worlds for word, count in counts.items()}


def shape_table(*, worlds: int) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Rows of (shape, design, share of each word)."""
    for name, curve in SHAPES.items():
        for design in DESIGNS:
            yield name, design.words, words_of(curve, design, worlds=worlds)


def shape_lines(table: list[tuple[str, str, dict[str, float]]]) -> list[str]:
    """The table as Markdown."""
    head = " | ".join(WORDS)
    return [
        f"| shape | design | {head} |",
        "|---|---|" + "---|" * len(WORDS),
        *(
            f"| {name} | {design} | " + " | ".join(f"{said[word]:.1%}" for word in WORDS) + " |"
            for name, design, said in table
        ),
    ]


def shape_rates(table: list[tuple[str, str, dict[str, float]]], *, worlds: int) -> Iterator[Rate]:
    """How often a shape gets a word that is false of it."""
    for name, design, said in table:
        if name in _FALSE:
            wrong = sum(said[word] for word in _FALSE[name])
            yield Rate(f"a false word for {name}", design, wrong, worlds, 0.0, 0.05)
