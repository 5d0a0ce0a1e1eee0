"""A simulator that raises, lies, hangs or dies on some of 1,000 scenes: no wrong row is written,
each is named, and with the simulator mended the same command ends equal to the undisturbed one."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.check import Inspection
from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.chaos.command import LIMIT_S, begin, ended
from tests.chaos.conftest import Figures, share
from tests.misbehaving import REASONS, Fault, Misbehaving, drawn_faults, set_faults

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
SCENES = 1000
SHARD = 1024
WORDS = ["physscale", "simulate", "misbehaving", "--videos", str(3 * SHARD), "--out", "data"]


def test_each_bad_row_is_named_and_no_other_row_changes(
    seed: int, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    faults = drawn_faults(share(SCENES, seed=seed), seed=seed)
    data = DataSpec(scenario=Misbehaving(), videos=SCENES)
    for key, value in set_faults(faults).items():
        monkeypatch.setenv(key, value)
    told, rows = {}, []
    for row in range(share(SCENES, seed=seed)):
        try:
            rows.append(simulate(data, indices=np.array([row])))
        except UserError as error:
            told[row] = str(error)
    unseen = [row for row, fault in faults.items() if fault == "out of view"]
    figures.count("simulator: bad rows", injected=len(faults))
    assert sorted(told) == sorted(set(faults) - set(unseen)), "`check` finds those out of view"
    for row, said in told.items():
        assert said.endswith(f"fails on 1 of 1 rows: row {row}: {REASONS[faults[row]]}")
    inspection = Inspection()
    monkeypatch.undo()
    for made in rows:
        inspection.look(made)
        row = int(made.index[0])
        well = simulate(data, indices=made.index)
        assert np.array_equal(made.state, well.state) == (row not in unseen), (seed, row)
    assert [line.split(" rows")[0] for line in inspection.problems()] == [str(len(unseen))] * bool(
        unseen
    )


@pytest.mark.parametrize("fault", ["raises", "hangs", "dies"])
def test_shards_before_it_are_whole_and_the_same_command_goes_on(
    fault: Fault, seed: int, tmp_path: Path, figures: Figures
) -> None:
    row = random.Random(f"{seed} {fault}").randrange(SHARD, 3 * SHARD)
    known = {PLUGINS: "tests.chaos.misbehaving_plugin"}
    process = begin(WORDS, folder=tmp_path, **known, **set_faults({row: fault}))
    before = [f"shard_{start:08d}.arrow" for start in range(0, row - SHARD + 1, SHARD)]
    if fault == "hangs":
        deadline_s = time.monotonic() + LIMIT_S
        while not (tmp_path / "data" / before[-1]).exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
    code, said = ended(process)
    figures.count("simulator: command", injected=1)
    wanted = {"raises": 2, "hangs": 128 + signal.SIGTERM, "dies": -signal.SIGSEGV}
    assert code == wanted[fault], (seed, row, said)
    assert "Traceback" not in said, (seed, row, said)
    assert sorted(os.listdir(tmp_path / "data")) == ["dataset.json", *before]
    code, said = ended(begin(WORDS, folder=tmp_path, **known))
    assert code == 0, (seed, row, said)
    assert ended(begin([*WORDS[:-1], "whole"], folder=tmp_path, **known))[0] == 0
    for file in (tmp_path / "whole").iterdir():
        assert (tmp_path / "data" / file.name).read_bytes() == file.read_bytes(), (seed, file.name)
