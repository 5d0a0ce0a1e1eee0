"""A study in an object store: a folder, and S3 as moto's server speaks it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import fs

from physscale.records.errors import DamagedData, Preempted, UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import read_metrics
from physscale.records.mirror import Mirror, mirror_at, pull, push
from physscale.records.store import Store, write_atomic
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.plan import plan
from physscale.study.spec import Study
from tests.sweep_doubles import calls_of, counting_execute, no_watch, tiny_study
from tests.tiny import tiny_run

STUDY = tiny_study(seeds=range(3), steps=4)
FIRST, *_ = STUDY.runs


@pytest.fixture(params=["folder", "s3"])
def uri(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "store")
        return
    server = pytest.importorskip(
        "moto.server", reason="moto[server] is not installed"
    ).ThreadedMotoServer(port=0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server.start()
    host, port = server.get_host_and_port()
    try:
        options = f"scheme=http&endpoint_override={host}:{port}&region=us-east-1"
        fs.FileSystem.from_uri(f"s3://bucket?{options}&allow_bucket_creation=true")[0].create_dir(
            "bucket"
        )
        yield f"s3://bucket/results?{options}"
    finally:
        server.stop()


def run_here(store: Store) -> None:
    assert (
        drive(
            STUDY,
            store=store,
            backend="plain",
            machine=Machine(),
            execute=counting_execute,
            watch=no_watch,
        ).exit_code
        == 0
    )


def states(store: Store) -> set[str]:
    return {row.state for row in plan(STUDY, store=store, flops_per_s=1e10)}


def test_what_ended_on_one_cluster_is_done_on_the_next(tmp_path: Path, uri: str) -> None:
    one, two, mirror = (
        Store(tmp_path / "one" / "tiny"),
        Store(tmp_path / "two" / "tiny"),
        mirror_at(uri, study="tiny"),
    )
    run_here(one)
    assert sorted(push(one, mirror).runs) == sorted(STUDY.runs)
    assert push(one, mirror).runs == [], "again = nothing"
    assert len(mirror.names("ledger")) == len(one.ledger.read_text().splitlines()), (
        "one object an event"
    )
    assert sorted(pull(two, mirror).runs) == sorted(STUDY.runs)
    assert states(two) == {"DONE"}
    run_here(two)
    assert calls_of(two) == {}, "nothing was run again"
    for run in STUDY.runs:
        assert two.run(run).scores.read_bytes() == one.run(run).scores.read_bytes()
        assert read_metrics(two.run(run).metrics) == read_metrics(one.run(run).metrics)
    assert pull(two, mirror).runs == []


def test_tables_of_frames_tuned_rates_and_proposals_come_along(tmp_path: Path) -> None:
    """They stayed behind, and with them the runs that a proposal had made part of the study."""
    one, two = Store(tmp_path / "one" / "tiny"), Store(tmp_path / "two" / "tiny")
    mirror = mirror_at(str(tmp_path / "store"), study="tiny")
    run_here(one)
    names = ("frames.parquet", "frame_scores.parquet", "tuned.json", "next/1.json")
    for name in names:
        write_atomic(one.root / name, name.encode())
    push(one, mirror)
    pull(two, mirror)
    assert [(two.root / name).read_bytes() for name in names] == [name.encode() for name in names]


def test_two_clusters_push_into_one_study_and_overwrite_nothing(tmp_path: Path, uri: str) -> None:
    mirror, whole = mirror_at(uri, study="tiny"), Store(tmp_path / "whole" / "tiny")
    for number, (run, spec) in enumerate(STUDY.runs.items()):
        part = Store(tmp_path / f"part-{number}" / "tiny")
        study = Study(name="tiny", question="?", groups={"one": [spec]})
        drive(
            study,
            store=part,
            backend="plain",
            machine=Machine(),
            execute=counting_execute,
            watch=no_watch,
        )
        assert push(part, mirror).runs == [run]
    assert sorted(pull(whole, mirror).runs) == sorted(STUDY.runs)
    assert states(whole) == {"DONE"}


def test_a_damaged_object_is_found_and_nothing_of_its_run_is_taken(tmp_path: Path) -> None:
    one, two, mirror = (
        Store(tmp_path / "one" / "tiny"),
        Store(tmp_path / "two" / "tiny"),
        mirror_at(str(tmp_path / "store"), study="tiny"),
    )
    run_here(one)
    push(one, mirror)
    mirror.write(f"runs/{FIRST[:12]}/scores.parquet", b"something else")
    with pytest.raises(DamagedData, match=r"scores\.parquet is not what mirror\.json says"):
        pull(two, mirror)
    assert not two.run(FIRST).root.exists()
    index = json.loads(mirror.read(f"runs/{FIRST[:12]}/mirror.json") or b"")
    index["files"] = {"../../escaped": next(iter(index["files"].values()))}
    mirror.write(f"runs/{FIRST[:12]}/mirror.json", json.dumps(index).encode())
    with pytest.raises(DamagedData, match="outside the run"):
        pull(two, mirror)


def test_a_stopped_run_goes_on_from_its_checkpoint_elsewhere_bit_for_bit(tmp_path: Path) -> None:
    spec = tiny_run(steps=24)
    run, owner = spec.fingerprint, Owner()
    one, two, calm = (Store(tmp_path / name / "tiny") for name in ("one", "two", "calm"))
    mirror = mirror_at(str(tmp_path / "store"), study="tiny")
    ledger = Ledger(one.ledger)
    ledger.claim(run, owner=owner)
    asked = iter([False] * 14)
    with pytest.raises(Preempted):
        execute(spec, store=one, context=PlainContext(stop_requested=lambda: next(asked, True)))
    ledger.finish(run, State.PREEMPTED, owner=owner)
    assert push(one, mirror).runs == [run]
    assert pull(two, mirror).runs == [run]
    assert Ledger(two.ledger).entries()[run].state is State.PREEMPTED
    assert [folder.name for folder in two.run(run).checkpoints.iterdir()] == ["step_00000014"]
    execute(spec, store=two, context=PlainContext())
    execute(spec, store=calm, context=PlainContext())
    assert losses(two, run) == losses(calm, run) != []


def losses(store: Store, run: str) -> list[tuple[int, str]]:
    return [(line["step"], line["loss"].hex()) for line in read_metrics(store.run(run).metrics)]


def test_a_run_at_work_here_is_not_replaced(tmp_path: Path) -> None:
    one, two, mirror = (
        Store(tmp_path / "one" / "tiny"),
        Store(tmp_path / "two" / "tiny"),
        mirror_at(str(tmp_path / "store"), study="tiny"),
    )
    run_here(one)
    push(one, mirror)
    Ledger(two.ledger).claim(FIRST, owner=Owner())
    assert FIRST not in pull(two, mirror).runs
    assert Ledger(two.ledger).entries()[FIRST].state is State.RUNNING


@pytest.mark.parametrize("wrong", ["nothing://there", "s3://"])
def test_a_store_that_is_none_is_refused_in_one_line(wrong: str) -> None:
    with pytest.raises(UserError, match="use s3://BUCKET/PREFIX"):
        mirror_at(wrong, study="tiny")


def test_an_empty_store_has_no_study(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(UserError, match="no such study there"):
        pull(Store(tmp_path / "tiny"), mirror_at(str(tmp_path / "store"), study="tiny"))


def test_a_mirror_is_one_study(tmp_path: Path) -> None:
    assert isinstance(mirror_at(str(tmp_path), study="tiny"), Mirror)
    with pytest.raises(UserError, match="study"):
        mirror_at(str(tmp_path), study="../tiny")
