"""A run whose process is killed again and again ends well if each start leaves a checkpoint more.
It fails after three starts from one checkpoint."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.restarts import STARTS_AT_MOST
from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.spec import Study
from tests.chaos.conftest import Figures
from tests.chaos.mortal import KILLS, STUCK, mortal_execute
from tests.chaos.test_ray_node_leaves import losses
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

pytestmark = [pytest.mark.chaos, pytest.mark.filterwarnings("default"), pytest.mark.timeout(900)]
STEPS, EVERY = 300, 50
RUNS = {1: 6, 2: 1}
"""By the number of workers: 24 kills of runs with one, four of a run with two."""


@pytest.fixture(scope="module", autouse=True)
def ray_cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(dashboard="yes"):
            yield


@pytest.mark.parametrize("workers", [1, 2])
def test_only_starts_without_a_new_checkpoint_end_a_run(
    tmp_path: Path, workers: int, figures: Figures
) -> None:
    store, plain = Store(tmp_path / "ray"), Store(tmp_path / "plain")
    assert KILLS > STARTS_AT_MOST
    alone = tiny_run(steps=STEPS)
    alone = replace(alone, train=replace(alone.train, optimiser="adamw", checkpoint_every=EVERY))
    apart = [replace(alone, seed=seed) for seed in range(RUNS[workers])]
    good = [replace(run, workers=workers) for run in apart]
    stuck = replace(good[0], seed=STUCK)
    study = Study(name="often", question="Does it end?", groups={"all": [*good, stuck]})
    drive(
        study,
        store=store,
        backend="ray",
        machine=Machine(),
        execute=mortal_execute,
        watch=no_watch,
    )
    entries = Ledger(store.ledger).entries()
    kills = {run: len(list((store.root / "kills" / run).iterdir())) for run in entries}
    figures.count("Ray: workers killed", injected=sum(kills.values()))
    # a process that the machine ends before the first step is a start as well, and leaves no kill
    assert 1 <= kills.pop(stuck.fingerprint) <= STARTS_AT_MOST
    assert kills == {run.fingerprint: KILLS for run in good}
    assert entries[stuck.fingerprint].state is State.FAILED
    for one, run in zip(apart, good, strict=True):
        assert entries[run.fingerprint].state is State.DONE
        execute(one, store=plain, context=PlainContext())
        calm = losses(plain, one)
        assert losses(store, run) == (calm if workers == 1 else pytest.approx(calm, rel=1e-3))
