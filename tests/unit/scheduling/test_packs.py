"""Runs of one shape share packs; each attempt ends by itself."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records.errors import Diverged
from physscale.records.ledger import Ledger, Owner, State
from physscale.scheduling.attempt import HELD, Attempted, Job, Lease
from physscale.scheduling.packs import attempts, packs
from physscale.train.pack import Seat


@dataclass(frozen=True)
class Run:
    fingerprint: str
    packs_with: Hashable = "one shape"
    workers: int = 1


def runs(shapes: list[str | None]) -> list[Run]:
    return [Run(f"{number:064d}", shape) for number, shape in enumerate(shapes)]


@given(
    shapes=st.lists(st.sampled_from(["small", "large", None]), max_size=40),
    largest=st.integers(1, 9),
    places=st.integers(1, 12),
)
def test_every_run_is_in_one_pack_of_its_shape(
    shapes: list[str | None], largest: int, places: int
) -> None:
    every = runs(shapes)
    found = packs(every, largest=largest, places=places)
    assert sorted(run.fingerprint for pack in found for run in pack) == [
        run.fingerprint for run in every
    ]
    for pack in found:
        assert 1 <= len(pack) <= largest
        assert len({run.packs_with for run in pack}) == 1
        assert len(pack) == 1 or pack[0].packs_with is not None
    assert len(found) >= min(places, len(every)), "no place stays empty"


def test_there_are_no_more_packs_than_it_takes() -> None:
    sizes = [len(pack) for pack in packs(runs(["small"] * 33), largest=32)]
    assert sizes == [16, 17]
    sizes = [len(pack) for pack in packs(runs(["small"] * 6 + ["large"] * 2), largest=8, places=4)]
    assert sizes == [2, 2, 2, 2]
    assert len(packs(runs([None] * 3), largest=8)) == 3


def test_each_member_has_its_own_end(tmp_path: Path) -> None:
    job = Job(root=tmp_path, driver=Owner(), execute=print)
    done, failing, diverging, held = runs(["small"] * 4)
    Ledger(job.store.ledger).claim(held.fingerprint, owner=Owner())
    seats: list[int] = []

    def body(run: Attempted, lease: Lease, seat: Seat | None) -> None:
        assert seat is not None
        seats.append(seat.members)
        if run is failing:
            raise RuntimeError("this one fails")
        if run is diverging:
            raise Diverged("loss nan")

    ends = attempts((done, failing, diverging, held), job=job, largest=4, body=body)
    assert ends == [State.DONE, State.FAILED, State.DIVERGED, HELD]
    assert seats == [4] * 3
    assert "this one fails" in (job.store.run(failing.fingerprint).root / "error.txt").read_text()


@pytest.mark.parametrize(("shape", "largest"), [("small", 1), (None, 4)])
def test_runs_that_train_alone_have_no_seat(
    shape: str | None, largest: int, tmp_path: Path
) -> None:
    job = Job(root=tmp_path, driver=Owner(), execute=print)
    every, seats = runs([shape] * 2), []
    ends = attempts(
        every, job=job, largest=largest, body=lambda run, lease, seat: seats.append(seat)
    )
    assert ends == [State.DONE] * 2
    assert seats == [None] * 2


def test_a_pack_of_one_has_a_seat_all_the_same(tmp_path: Path) -> None:
    job, seats = Job(root=tmp_path, driver=Owner(), execute=print), []
    ends = attempts(
        runs(["small"]), job=job, largest=2, body=lambda run, lease, seat: seats.append(seat)
    )
    assert (ends, len(seats), seats[0] is None) == ([State.DONE], 1, False)


def test_equal_counts_of_packs_split_the_fuller_shape() -> None:
    found = packs(runs(["small"] * 3 + ["large"] * 5), largest=9, places=3)
    assert sorted(len(pack) for pack in found) == [2, 3, 3]
    found = packs(runs([None, "small", "small"]), largest=1, places=1)
    assert [len(pack) for pack in found] == [1, 1, 1]
