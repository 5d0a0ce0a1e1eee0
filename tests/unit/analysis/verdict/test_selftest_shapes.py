"""The self-test's shapes: what it plants is what it says, and a false word is counted."""

import numpy as np
import pytest

from analysis.commands.selftest import Design
from analysis.commands.selftest_shapes import (
    DESIGNS,
    SHAPES,
    shape_lines,
    shape_rates,
    shape_table,
    words_of,
)

LEFT = {
    "a floor, 79 % of the last error still to fall": 0.79,
    "a floor, 10 % still to fall": 0.10,
    "a floor, 4 % still to fall": 0.04,
    "a floor, 0.1 % still to fall": 0.0013,
}


@pytest.mark.parametrize("name", LEFT)
def test_so_much_of_the_last_error_is_still_to_fall(name: str) -> None:
    last, limit = SHAPES[name](np.array([1e3, 1e30]))
    assert 1 - limit / last == pytest.approx(LEFT[name], rel=0.05)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.words)
def test_no_shape_gets_a_false_word_too_often(design: Design) -> None:
    worlds = 25
    table = [
        (name, design.words, words_of(curve, design, worlds=worlds))
        for name, curve in SHAPES.items()
    ]
    rates = list(shape_rates(table, worlds=worlds))
    assert len(rates) == 5
    assert [rate for rate in rates if not rate.held] == []


def test_a_false_word_breaks_the_promise() -> None:
    said = {"scales": 0.8, "saturates": 0.2, "flat": 0.0, "worsens": 0.0, "turns": 0.0}
    (rate,) = shape_rates([("a power law", "any", said)], worlds=500)
    assert rate.share == pytest.approx(0.2)
    assert not rate.held


def test_the_table_has_a_row_for_each_shape_and_design() -> None:
    table = list(shape_table(worlds=1))
    assert len(table) == len(SHAPES) * len(DESIGNS)
    assert all(sum(said.values()) == 1 for _, _, said in table)
    assert len(shape_lines(table)) == len(table) + 2
