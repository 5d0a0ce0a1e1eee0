"""The Ray back ends on a real local cluster: one cluster for all tests of this file."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physscale.ray_jobs.cluster import cluster
from physscale.records.errors import Unschedulable
from physscale.records.ledger import Ledger
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext, stream
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.spec import DataSpec
from physscale.study.drive import Ending, drive
from physscale.study.spec import Study
from tests.sweep_doubles import FAILING_SEED, calls_of, counting_execute, no_watch, tiny_study
from tests.tiny import tiny_run

pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray's own, in threads of Ray
    pytest.mark.timeout(600),
]


TOKEN = Path.home() / ".ray" / "auth_token"
TOKEN_WAS_THERE = TOKEN.exists()


@pytest.fixture(scope="module", autouse=True)
def ray_cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(dashboard="yes"):
            yield


def sweep_here(study: Study, *, store: Store, real: bool = False) -> Ending:
    chosen = execute if real else counting_execute
    return drive(
        study, store=store, backend="ray", machine=Machine(), execute=chosen, watch=no_watch
    )


def losses(store: Store, run: str) -> list[float]:
    return [line["loss"] for line in read_metrics(store.run(run).metrics)]


def test_the_private_cluster_asks_for_a_token_and_leaves_none_behind() -> None:
    assert os.environ.get("RAY_AUTH_MODE") in {"token", "disabled"}
    assert (
        len(os.environ.get("RAY_AUTH_TOKEN", "")) == 64 or os.environ["RAY_AUTH_MODE"] == "disabled"
    )
    assert TOKEN.exists() == TOKEN_WAS_THERE


@pytest.mark.parametrize("size", [7, 32])
def test_the_stream_gives_what_the_plain_one_gives_in_the_same_order(size: int) -> None:
    from physscale.ray_jobs.data import Tasks, videos

    data, canvas = DataSpec(scenario=Collision(), videos=300), Canvas(size_px=64)
    order = np.random.default_rng(0).permutation(data.videos)
    batches = [order[start : start + size] for start in range(0, data.videos, size)]
    plain = list(stream(data, canvas=canvas, batches=batches))
    streamed = list(videos(data, canvas=canvas, batches=batches, tasks=Tasks(0.5)))
    for ours, theirs, rows in zip(streamed, plain, batches, strict=True):
        assert ours.index.tolist() == rows.tolist()
        for column in (
            "time_s",
            "state",
            "body",
            "contact_s",
            "pixels",
            "scenario",
            "split",
            "template",
        ):
            np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))


def test_a_sweep_of_real_runs_equals_the_plain_process_bit_for_bit(tmp_path: Path) -> None:
    """Runs that see frames alone, and one conditioned on numbers too."""
    frames = tiny_study(seeds=range(2), steps=8)
    first = next(iter(frames.runs.values()))
    numbers = replace(first, model=replace(first.model, conditioning="numbers"))
    study = replace(frames, groups={**frames.groups, "numbers": (numbers,)})
    store, plain = Store(tmp_path / "ray"), Store(tmp_path / "plain")
    assert sweep_here(study, store=store, real=True).exit_code == 0
    for run in (first, numbers):
        execute(run, store=plain, context=PlainContext())
        assert losses(store, run.fingerprint) == losses(plain, run.fingerprint) != []
        assert (store.run(run.fingerprint).samples("id").read_bytes()) == (
            plain.run(run.fingerprint).samples("id").read_bytes()
        )
    assert losses(store, first.fingerprint) != losses(store, numbers.fingerprint), (
        "the numbers are read"
    )


def test_actors_are_reused_and_a_failing_run_stops_no_other(tmp_path: Path) -> None:
    study, store = tiny_study(seeds=range(FAILING_SEED - 5, FAILING_SEED + 1)), Store(tmp_path)
    assert sweep_here(study, store=store).exit_code == 1
    assert [row.state for row in sweep_states(study, store)].count("DONE") == 5
    assert set(calls_of(store).values()) == {1}
    assert len({file.read_text() for file in (tmp_path / "calls").iterdir()}) <= 2, (
        "at most two processes for six runs on two cores"
    )
    assert not list(tmp_path.glob(".driver-*")), "Tune's files go with the driver"


def sweep_states(study: Study, store: Store) -> list:
    from physscale.study.plan import plan

    return plan(study, store=store, flops_per_s=1e10)


def test_a_killed_worker_process_costs_one_restart_of_its_run(tmp_path: Path) -> None:
    study, store = tiny_study(seeds=range(2), steps=400), Store(tmp_path)
    killed: list[int] = []

    def kill_one() -> None:
        deadline_s = time.monotonic() + 60
        while not killed and time.monotonic() < deadline_s:
            for file in (tmp_path / "calls").glob("*"):
                if not killed and file.read_text():
                    killed.append(int(file.read_text()))
                    os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.1)

    killer = threading.Thread(target=kill_one)
    killer.start()
    assert sweep_here(study, store=store).exit_code == 0
    killer.join()
    assert killed
    assert sorted(calls_of(store).values()) == [1, 2]
    assert store.ledger.read_text().count('"DONE"') == 2


def test_a_pack_is_one_trial_and_goes_on_bit_for_bit_after_its_process_was_killed(
    tmp_path: Path,
) -> None:
    runs = [replace(tiny_run(seed=seed, steps=300), data=tiny_run().data) for seed in range(3)]
    study = Study(name="packs", question="Do they go on?", groups={"runs": runs})
    plain, store = Store(tmp_path / "plain"), Store(tmp_path / "ray")
    packed = Machine(pack=4, concurrency=1)

    def kill_once() -> None:
        first = store.run(runs[0].fingerprint)
        deadline_s = time.monotonic() + 120
        while not first.metrics.exists() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        owner = Ledger(store.ledger).entries()[runs[0].fingerprint].owner
        assert owner is not None
        os.kill(owner.process, signal.SIGKILL)

    killer = threading.Thread(target=kill_once)
    killer.start()
    ending = drive(
        study, store=store, backend="ray", machine=packed, execute=execute, watch=no_watch
    )
    killer.join()
    assert ending.exit_code == 0
    assert [entry.attempts for entry in Ledger(store.ledger).entries().values()] == [2, 2, 2]
    drive(study, store=plain, backend="plain", machine=packed, execute=execute, watch=no_watch)
    for run in runs:
        assert losses(store, run.fingerprint) == losses(plain, run.fingerprint)
        assert len(losses(store, run.fingerprint)) == 300 // 50


def test_two_workers_of_ray_train_equal_one(tmp_path: Path) -> None:
    one, two = tiny_run(steps=8), tiny_run(steps=8, workers=2)
    store, plain = Store(tmp_path / "ray"), Store(tmp_path / "plain")
    study = Study(name="workers", question="Does it matter?", groups={"workers": [two]})
    assert sweep_here(study, store=store, real=True).exit_code == 0
    execute(one, store=plain, context=PlainContext())
    np.testing.assert_allclose(
        losses(store, two.fingerprint), losses(plain, one.fingerprint), rtol=1e-5
    )
    assert len(losses(store, two.fingerprint)) > 0


def test_what_cannot_be_placed_is_refused_before_anything_starts(tmp_path: Path) -> None:
    study, store = tiny_study(), Store(tmp_path)
    greedy = replace(Machine(), run_cpus=1000.0)
    with pytest.raises(Unschedulable, match="wants 1000 CPU"):
        drive(
            study,
            store=store,
            backend="ray",
            machine=greedy,
            execute=counting_execute,
            watch=no_watch,
        )
    assert not (tmp_path / "calls").exists()
