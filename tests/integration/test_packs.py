"""Packs of whole runs, without Ray: every member ends with its own scores, and learns what it
learns alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from physscale.flow.flow_spec import FlowSpec
from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.run.execute import execute
from physscale.run.spec import RunSpec
from physscale.run.training_data import training_latents
from physscale.scheduling.resources import Machine
from physscale.study.drive import Ending, drive
from physscale.study.prepare import Opened, prepare
from physscale.study.spec import Study
from physscale.study.speed import note_speed
from physscale.train.latents import LatentSet
from tests.sweep_doubles import no_watch
from tests.tiny import tiny_run

ALIKE = [tiny_run(seed=seed, steps=12) for seed in range(3)]
OTHER_DATA = tiny_run(seed=0, steps=9, videos=12)
HOT = replace(ALIKE[0], train=replace(ALIKE[0].train, learning_rate=1e30))
BY_ITSELF = replace(ALIKE[0], objective=FlowSpec(condition_dropout=0.2, guidance=1.5))
RUNS = [*ALIKE, OTHER_DATA, HOT, BY_ITSELF]


def driven(root: Path, *, pack: int) -> tuple[Store, Ending]:
    study = Study(name="packs", question="Are they the same?", groups={"runs": RUNS})
    store = Store(root)
    machine = Machine(pack=pack)
    ending = drive(
        study, store=store, backend="plain", machine=machine, execute=execute, watch=no_watch
    )
    note_speed(store, runs=list(study.runs), machine=machine)
    return store, ending


def losses(store: Store, run: RunSpec) -> list[float]:
    return [row["loss"] for row in read_metrics(store.run(run.fingerprint).metrics)]


def scores(store: Store, run: RunSpec) -> np.ndarray:
    table = pq.read_table(store.run(run.fingerprint).scores).to_pandas()
    table = table[table["metric"] == "loss"]
    return table.sort_values(["split", "source"])["value"].to_numpy()


def test_a_pack_changes_rounding_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, _ = driven(tmp_path / "alone" / "packs", pack=1)
    encoded: list[RunSpec] = []

    def counted(run: RunSpec, **rest: Any) -> LatentSet:
        encoded.append(run)
        return training_latents(run, **rest)

    monkeypatch.setattr("physscale.run.training_data.training_latents", counted)
    packed, ending = driven(tmp_path / "packed" / "packs", pack=8)
    assert len(encoded) == len(RUNS) - 1, "HOT learns from the latents of the first"
    assert ending.exit_code == 0
    states = {run: entry.state for run, entry in Ledger(packed.ledger).entries().items()}
    assert states.pop(HOT.fingerprint) is State.DIVERGED
    assert set(states.values()) == {State.DONE}
    for run in (*ALIKE, OTHER_DATA, BY_ITSELF):
        np.testing.assert_allclose(losses(packed, run), losses(alone, run), rtol=1e-4)
        np.testing.assert_allclose(scores(packed, run), scores(alone, run), rtol=2e-2)
    members = {
        run.fingerprint: read_metrics(packed.run(run.fingerprint).metrics)[-1]
        for run in RUNS
        if run is not HOT
    }
    assert [row.get("pack") for row in members.values()] == [5, 5, 5, 5, None]


def test_a_plan_says_what_trains_together(tmp_path: Path) -> None:
    study = Study(name="packs", question="Together?", groups={"runs": RUNS})
    opened = Opened(whole=study, study=study, store=Store(tmp_path / "packs"))
    notes = prepare(opened, machine=Machine(pack=4)).notes
    assert "packs: 6 runs train as 3 programs, the largest of 3 runs, 1 of a single one" in notes
    assert not [note for note in prepare(opened, machine=Machine()).notes if "packs" in note]
