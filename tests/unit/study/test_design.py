"""Factorials, balanced fractions and isoFLOP grids."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.run.cost import cost
from physscale.run.spec import RunSpec
from physscale.simulate.scenarios.composition import Composition, shifts
from physscale.study.axes import configuration, levels, together
from physscale.study.design import changed, factorial, isoflop
from tests.tiny import tiny_run

BASE = tiny_run()
PAIRS = replace(BASE, data=replace(BASE.data, scenario=Composition(pairs=shifts(0))))
COVERED = [shifts(*range(1 + count)) for count in range(3)]


def test_a_full_factorial_has_every_cell_once() -> None:
    runs = factorial(
        BASE,
        size=("d8", "d16"),
        videos=(16, 32, 64),
        epochs=(1, 4),
        resolution=(16, 32),
        encoder=(4, 8),
        seed=(0, 1),
    )
    assert len({run.fingerprint for run in runs}) == len(runs) == 2 * 3 * 2 * 2 * 2 * 2
    assert {
        (run.model.width, run.data.videos, run.canvas.size_px, run.codec.spec.components, run.seed)
        for run in runs
    } == set(itertools.product((8, 16), (16, 32, 64), (16, 32), (4, 8), (0, 1)))
    assert all(run.data.seed == run.seed for run in runs), "another seed draws other videos"


@given(videos=st.integers(1, 5000), epochs=st.integers(1, 20), batch=st.integers(1, 64))
def test_epochs_count_how_often_each_video_is_seen(videos: int, epochs: int, batch: int) -> None:
    run = changed(BASE, epochs=epochs, videos=videos, batch=batch)
    assert 0 <= run.train.steps * batch - videos * epochs < batch
    assert changed(BASE, seen=videos * epochs, videos=1, batch=batch).train.steps == run.train.steps


def test_coverage_changes_what_is_trained_and_neither_the_volume_nor_the_judges() -> None:
    runs = factorial(PAIRS, coverage=COVERED, videos=(16, 64))
    assert [(run.combinations, run.data.videos) for run in runs] == [
        (c, d) for c in (6, 12, 18) for d in (16, 64)
    ]
    assert {run.test_splits for run in runs} == {PAIRS.test_splits}
    assert together(runs) == []


def test_coverage_and_volume_raised_together_are_called_by_name() -> None:
    runs = [changed(PAIRS, coverage=pairs, videos=100 * len(pairs)) for pairs in COVERED]
    (note,) = together(runs)
    assert note.startswith("D and C move together (r = 1.00)")


@pytest.mark.parametrize(("fraction", "counts"), [(2, (2, 4, 2)), (3, (3, 3, 3)), (4, (4, 4, 2))])
def test_a_fraction_keeps_every_level_as_often_as_the_others(
    fraction: int, counts: tuple[int, int, int]
) -> None:
    sizes, videos, steps = (
        ("d8", "d16", "d32", "d64")[: counts[0]],
        range(10, 10 + counts[1]),
        range(20, 20 + counts[2]),
    )
    runs = factorial(BASE, fraction=fraction, size=sizes, videos=videos, steps=steps, seed=(0, 1))
    assert len(runs) == 2 * counts[0] * counts[1] * counts[2] // fraction
    for axis in ("N", "D", "steps"):
        assert len(set(Counter(levels(run)[axis] for run in runs).values())) == 1, axis
    assert set(Counter(configuration(run) for run in runs).values()) == {2}, (
        "no seed of a kept cell is left out"
    )


def test_a_latin_fraction_keeps_pairs_of_levels_balanced_too() -> None:
    runs = factorial(BASE, fraction=3, size=("d8", "d16", "d32"), videos=(1, 2, 3), steps=(4, 5, 6))
    for one, other in itertools.combinations(("N", "D", "steps"), 2):
        assert set(Counter((levels(run)[one], levels(run)[other]) for run in runs).values()) == {1}


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"sizes": ("d8",)}, "axis 'sizes': there are size, videos"),
        ({"size": ("d9",)}, "size 'd9': there are d6"),
        ({"videos": ()}, "axis videos: has no levels"),
        ({"steps": (1,), "epochs": (2,)}, "each decides how long a run trains"),
        ({"coverage": COVERED}, "scenario 'uniform' has no combinations"),
        ({"fraction": 2, "size": ("d8", "d16"), "videos": (1, 2, 3)}, "fraction=2: must divide"),
        ({"fraction": 0, "size": ("d8", "d16")}, "fraction=0"),
    ],
)
def test_a_design_that_cannot_be_is_refused(axes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        factorial(BASE, **axes)  # type: ignore[arg-type]
    assert said in str(caught.value)


@given(budget=st.floats(1e9, 1e13), epochs=st.sampled_from([1.0, 4.0]))
def test_an_isoflop_row_spends_its_budget_by_the_formula(budget: float, epochs: float) -> None:
    runs = isoflop(
        BASE, flops=[budget], size=("d6", "d8", "d16", "d32"), epochs=epochs, steps=(1, 10**9)
    )
    for run in runs:
        step = cost(replace(run, train=replace(run.train, steps=1))).flops
        assert abs(cost(run).flops - budget) <= step / 2
        assert run.train.steps * run.train.batch == pytest.approx(
            epochs * run.data.videos, abs=epochs / 2 + 1e-9
        )
    assert sorted(runs, key=lambda run: run.train.steps, reverse=True) == runs, (
        "larger models take fewer steps"
    )


def test_an_isoflop_row_that_brackets_nothing_is_refused() -> None:
    assert (
        len(
            isoflop(
                BASE, flops=[1e10, 1e11], size=("d6", "d8", "d16"), seed=(0, 1), steps=(1, 10**9)
            )
        )
        == 12
    )
    with pytest.raises(UserError, match="0 of 3 sizes take 100 to"):
        isoflop(BASE, flops=[1e5], size=("d6", "d8", "d16"))


def test_a_run_is_at_its_own_levels() -> None:
    run: RunSpec = changed(PAIRS, videos=10, steps=20)
    assert levels(run) | {"N": 0, "encoder": ""} == {
        "N": 0, "D": 10, "C": 6, "epochs": 16.0, "steps": 20, "batch": 8, "px": 16, "encoder": "",
        "scenario": "composition", "workers": 1,
    }  # fmt: skip
