"""What stays inside a budget, and that it stays balanced."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.store import Store
from physscale.study.axes import configuration, levels
from physscale.study.budget import within_flops, within_hours
from physscale.study.design import factorial
from physscale.study.plan import Row, plan
from physscale.study.spec import Study
from tests.sweep_doubles import leave_finished
from tests.tiny import tiny_run

NOWHERE = Store(Path("/nonexistent"))
RUNS = factorial(
    tiny_run(), size=("d8", "d16", "d32", "d64"), videos=(10, 100, 1000), seed=(0, 1, 2)
)
STUDY = Study(name="grid", question="?", groups={"all": RUNS, "few": RUNS[:3]})
ROWS = plan(STUDY, store=NOWHERE, flops_per_s=1e9)
TOTAL = sum(row.flops for row in ROWS)
CONFIGURATION = {key: configuration(run) for key, run in STUDY.runs.items()}


def spent(rows: list[Row], kept: Study) -> float:
    return sum(row.flops for row in rows if row.fingerprint in kept.runs)


@given(share=st.floats(0.002, 1.2))
@settings(max_examples=40)
def test_the_plan_stays_inside_and_nothing_that_fits_is_lost(share: float) -> None:
    kept = within_flops(STUDY, rows=ROWS, flops=share * TOTAL)
    assert spent(ROWS, kept.study) <= share * TOTAL * (1 + 1e-12)
    assert set(kept.study.runs) | set(kept.left_out) == set(STUDY.runs)
    seeds = Counter(CONFIGURATION[key] for key in kept.study.runs)
    assert max(seeds.values()) - min(seeds.values()) <= 1, (
        "no configuration has two seeds fewer than another"
    )
    left = share * TOTAL - spent(ROWS, kept.study)
    for row in ROWS:
        own = seeds[CONFIGURATION[row.fingerprint]]
        if row.fingerprint in kept.left_out and own <= min(seeds.values(), default=0):
            assert row.flops > left * (1 - 1e-9), f"{row.label} would have fitted"
    if share >= 1:
        assert not kept.left_out


def test_a_third_of_the_money_is_one_seed_each() -> None:
    kept = within_flops(STUDY, rows=ROWS, flops=TOTAL / 3)
    assert (
        sorted(Counter(configuration(run) for run in kept.study.runs.values()).values()) == [1] * 12
    )
    assert kept.said.endswith(
        "12 of 36 runs; left out 24: 24 further seeds of kept configurations, 0 configurations "
        "whole"
    )


def test_a_level_is_given_up_last() -> None:
    """A fifth of the cost is below one seed each: the dear size is thinned before it is given
    up."""
    kept = within_flops(STUDY, rows=ROWS, flops=TOTAL / 5)
    sizes = Counter(levels(run)["N"] for run in kept.study.runs.values())
    assert [count >= 3 for count in sizes.values()] == [True, True, True, False]
    assert list(sizes.values())[3] >= 1


def test_what_is_done_is_free_and_stays(tmp_path: Path) -> None:
    store, owner = Store(tmp_path), Owner()
    dear = max(ROWS, key=lambda row: row.flops).fingerprint
    Ledger(store.ledger).claim(dear, owner=owner)
    leave_finished(STUDY.runs[dear], store=store)
    store.run(dear).metrics.write_text('{"step": 1, "loss": 1.0}\n')
    Ledger(store.ledger).finish(dear, State.DONE, owner=owner)
    rows = plan(STUDY, store=store, flops_per_s=1e9)
    cheapest = min(row.flops for row in rows)
    kept = within_flops(STUDY, rows=rows, flops=cheapest)
    assert len(kept.study.runs) == 2
    assert dear in kept.study.runs


def test_hours_are_those_of_runs_side_by_side() -> None:
    seconds = {row.fingerprint: row.estimated_s for row in ROWS}
    alone = within_hours(STUDY, rows=ROWS, hours=sum(seconds.values()) / 7200, at_a_time={1: 1})
    assert sum(seconds[full] for full in alone.study.runs) <= sum(seconds.values()) / 2
    beside = within_hours(STUDY, rows=ROWS, hours=sum(seconds.values()) / 7200, at_a_time={1: 2})
    assert not beside.left_out


def test_a_group_without_runs_goes() -> None:
    study = Study(name="grid", question="?", groups={"cheap": [RUNS[0]], "dear": [RUNS[-1]]})
    rows = plan(study, store=NOWHERE, flops_per_s=1e9)
    assert list(within_flops(study, rows=rows, flops=rows[0].flops).study.groups) == ["cheap"]


@pytest.mark.parametrize("flops", [1.0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_for_nothing_is_refused(flops: float) -> None:
    with pytest.raises(UserError, match="--budget"):
        within_flops(STUDY, rows=ROWS, flops=flops)
    with pytest.raises(UserError, match="--hours"):
        within_hours(STUDY, rows=ROWS, hours=flops / 1e9, at_a_time={1: 1})
