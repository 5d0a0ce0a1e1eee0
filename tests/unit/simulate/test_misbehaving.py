"""Rows that a scenario or its engine fails on are refused by number and reason: in silence, they
would be trained on."""

import numpy as np
import pytest

from physscale.records.errors import UserError
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.misbehaving import REASONS, Fault, Misbehaving, set_faults

DATA = DataSpec(scenario=Misbehaving(), videos=40)


@pytest.fixture(autouse=True)
def no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    misbehave(monkeypatch, {})


def misbehave(monkeypatch: pytest.MonkeyPatch, faults: dict[int, Fault]) -> None:
    for key, value in set_faults(faults).items():
        monkeypatch.setenv(key, value)


@pytest.mark.parametrize("fault", ["raises", "not finite", "wrong shape"])
def test_a_row_is_named_with_the_reason(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    misbehave(monkeypatch, {17: fault, 30: fault})
    with pytest.raises(UserError) as refused:
        simulate(DATA, indices=np.arange(40))
    said = str(refused.value)
    assert said == (
        "scenario 'misbehaving', engine analytic: fails on 2 of 40 rows: "
        f"row 17: {REASONS[fault]}; row 30: {REASONS[fault]}"
    )


def test_three_of_many_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    misbehave(monkeypatch, dict.fromkeys(range(0, 40, 2), "raises"))
    with pytest.raises(UserError, match=r"fails on 20 of 40 rows: (row \d+: [^;]*(; )?){3}$"):
        simulate(DATA, indices=np.arange(40))


def test_rows_that_fail_together_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = Misbehaving.trace

    def crowded(self: Misbehaving, batch: object, **known: object) -> object:
        if len(batch.body) > 1:  # type: ignore[attr-defined]
            raise IndexError("too many")
        return scenes(self, batch, **known)  # type: ignore[arg-type]

    monkeypatch.setattr(Misbehaving, "trace", crowded)
    with pytest.raises(UserError, match="each of 40 rows is well alone, but not together: Index"):
        simulate(DATA, indices=np.arange(40))
