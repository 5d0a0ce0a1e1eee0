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
from tests.chaos.mortal import KILLS, STUCK, mortal_execute
from tests.chaos.test_ray_node_leaves import losses
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

pytestmark = [pytest.mark.chaos, pytest.mark.filterwarnings("default"), pytest.mark.timeout(900)]
STEPS, EVERY = 300, 50


@pytest.fixture(scope="module", autouse=True)
def ray_cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(dashboard="yes"):
            yield


@pytest.mark.parametrize("workers", [1, 2])
def test_only_starts_without_a_new_checkpoint_end_a_run(tmp_path: Path, workers: int) -> None:
    store, plain = Store(tmp_path / "ray"), Store(tmp_path / "plain")
    assert KILLS > STARTS_AT_MOST
    alone = tiny_run(steps=STEPS)
    alone = replace(alone, train=replace(alone.train, optimiser="adamw", checkpoint_every=EVERY))
    good = replace(alone, workers=workers)
    stuck = replace(good, seed=STUCK)
    study = Study(name="often", question="Does it end?", groups={"all": [good, stuck]})
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
    assert kills == {good.fingerprint: KILLS, stuck.fingerprint: STARTS_AT_MOST}
    assert entries[good.fingerprint].state is State.DONE
    assert entries[stuck.fingerprint].state is State.FAILED
    execute(alone, store=plain, context=PlainContext())
    assert losses(store, good) == (
        losses(plain, alone) if workers == 1 else pytest.approx(losses(plain, alone), rel=1e-3)
    )
