"""How long runs take: measured, by device, or assumed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog
from physscale.records.spec import plain
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.cost import cost
from physscale.run.execute import execute
from physscale.scheduling.resources import Machine
from physscale.study.devices import DEVICE_FILE, card
from physscale.study.plan import plan
from physscale.study.spec import Study
from physscale.study.speed import (
    THIS_CPU,
    device_speed,
    machine_class,
    note_speed,
    pace_of,
    speed_of,
)
from tests.sweep_doubles import leave_finished, tiny_study
from tests.tiny import tiny_run

LOCAL, NODE = Machine(), Machine(name="gpu-node", flops_per_s=1e13)


def finished(
    folder: Path, *, machine: Machine = LOCAL, ms_per_step: float = 20.0
) -> tuple[Study, Store]:
    study, store, owner = tiny_study(seeds=range(2)), Store(folder / "tiny"), Owner()
    for full, run in study.runs.items():
        Ledger(store.ledger).claim(full, owner=owner)
        for step, lap in ((2, 900.0), (3, ms_per_step), (4, ms_per_step)):
            MetricLog(store.run(full).metrics).append(step=step, loss=1.0, ms_per_step=lap)
        leave_finished(run, store=store)
        Ledger(store.ledger).finish(full, State.DONE, owner=owner, seconds=3.0)
    note_speed(store, runs=list(study.runs), machine=machine)
    return study, store


def test_what_was_measured_on_this_class_of_machine_is_used_by_other_studies(
    tmp_path: Path,
) -> None:
    study, store = finished(tmp_path)
    note_speed(store, runs=list(study.runs), machine=LOCAL)
    assert len((tmp_path / "speed.jsonl").read_text().splitlines()) == 2, "each run is noted once"
    speed = speed_of(LOCAL, results=tmp_path)
    assert speed.kind == "measured"
    assert speed.source == f"2 runs measured on {machine_class(LOCAL)}"
    other = tiny_study(seeds=range(5, 6), steps=1000)
    (row,) = plan(other, store=Store(tmp_path / "other"), flops_per_s=1.0, speed=speed)
    assert row.estimated_s == pytest.approx(1000 * 0.020 + 3.0 - 4 * 0.020, abs=0.1)
    assert speed_of(NODE, results=tmp_path).kind == "assumed", "another class of machine"
    finished(tmp_path / "more", machine=NODE)
    assert speed_of(NODE, results=tmp_path / "more").kind == "measured"


@given(
    pairs=st.lists(
        st.tuples(st.floats(1e6, 1e12), st.floats(1e-3, 10.0)),
        min_size=1,
        max_size=6,
        unique_by=lambda pair: pair[0],
    ),
    flops=st.lists(st.floats(1e3, 1e15), min_size=2, max_size=2),
)
def test_a_larger_model_is_never_faster(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[float, float]], flops: list[float]
) -> None:
    results = tmp_path_factory.mktemp("speed")
    lines = [
        {
            "run": str(n),
            "machine": machine_class(LOCAL),
            "flops_per_step": f,
            "step_s": s,
            "besides_s": 1.0,
        }
        for n, (f, s) in enumerate(pairs)
    ]
    (results / "speed.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    speed, (small, large) = speed_of(LOCAL, results=results), sorted(flops)
    assert speed.seconds(flops=10 * small, steps=10) <= speed.seconds(
        flops=10 * large, steps=10
    ) * (1 + 1e-9)
    top_flops, top_s = speed.flops[-1], speed.step_s[-1]
    assert speed.seconds(flops=5 * top_flops, steps=1) == pytest.approx(1.0 + 5 * top_s), (
        "beyond what was measured, FLOPs decide"
    )


def test_a_named_device_is_one_of_a_table(tmp_path: Path) -> None:
    speed = device_speed("H100", machine=LOCAL, results=tmp_path)
    assert "roofline of h100, not measured" in speed.source
    for name in ("h101", "v100"):
        with pytest.raises(UserError, match=f"--device '{name}': there are t4"):
            device_speed(name, machine=LOCAL, results=tmp_path)


def test_a_calibration_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / DEVICE_FILE
    with pytest.raises(UserError, match=r"device .*device.json: No such file.*calibrate-device"):
        device_speed(THIS_CPU, machine=LOCAL, results=tmp_path)
    path.write_text(json.dumps(plain(card("h100"))))
    assert device_speed(str(path), machine=LOCAL, results=tmp_path).rates == card("h100")
    with pytest.raises(UserError, match=f"this-cpu: .* is of h100; use --device {path}"):
        device_speed(THIS_CPU, machine=LOCAL, results=tmp_path)
    path.write_text(json.dumps(plain(replace(card("h100"), kind="cpu"))))
    assert device_speed("This-CPU", machine=LOCAL, results=tmp_path).rates.kind == "cpu"
    for damaged in ("{", "[]", '{"type": "Rates"}', '{"type": "Rates", "power": 1}'):
        path.write_text(damaged)
        with pytest.raises(UserError, match=r"not a calibration|no field 'power'"):
            device_speed(str(path), machine=LOCAL, results=tmp_path)


def test_a_machine_file_that_names_its_card_plans_by_it_until_runs_are_measured(
    tmp_path: Path,
) -> None:
    machine = replace(NODE, gpu="a100")
    assert pace_of(machine, results=tmp_path).kind == "device"
    assert pace_of(NODE, results=tmp_path).kind == "assumed"
    finished(tmp_path, machine=machine)
    assert pace_of(machine, results=tmp_path).kind == "measured"
    for name in ("other", NODE.name):  # the second one's speed is measured
        with pytest.raises(UserError, match="device 'a1000': there are t4"):
            pace_of(replace(NODE, name=name, gpu="a1000"), results=tmp_path)


def test_an_assumed_speed_is_corrected_by_finished_runs_and_a_device_is_not(tmp_path: Path) -> None:
    study, store = finished(tmp_path)
    assumed = plan(study, store=store, flops_per_s=1e10)
    h100 = device_speed("h100", machine=LOCAL, results=tmp_path)
    device = plan(study, store=store, flops_per_s=1e10, speed=h100)
    assert [row.estimated_s for row in assumed] == [3.0, 3.0]
    assert {row.estimated_s for row in device} == {
        round(h100.run_s(run, flops=cost(run).flops), 1) for run in study.runs.values()
    }


def test_bytes_on_disk_are_about_those_of_a_real_run(tmp_path: Path) -> None:
    run, store = tiny_run(steps=8), Store(tmp_path)
    execute(run, store=store, context=PlainContext())
    folder = store.run(run.fingerprint)
    measured = sum(file.stat().st_size for file in folder.checkpoints.rglob("*.safetensors"))
    samples = sum(file.stat().st_size for file in (folder.root / "samples").iterdir())
    judged = sum(split.data.videos * split.data.frames * 3 * 16**2 for split in run.test_splits)
    assert cost(run).disk_bytes - round(0.075 * judged) == pytest.approx(measured, rel=0.25)
    assert samples < judged
