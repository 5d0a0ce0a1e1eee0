"""What a card cannot hold is refused before anything is spent."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.paper import paper_run
from experiments.paper import study as paper
from experiments.templates import study as templates
from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.run.device_memory import CONTEXT_BYTES, run_memory
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine
from physscale.simulate.named import named_data
from physscale.study.card_memory import check_fits
from physscale.study.devices import card
from physscale.study.spec import Study
from tests.command_line import said
from tests.paths import ROOT

ALONE = replace(paper_run(named_data("uniform_30k"), test_splits=()), workers=1)
LARGE = replace(ALONE, model=SIZES["L"], train=replace(ALONE.train, batch=32))


@pytest.mark.parametrize("study", [paper, templates], ids=["paper", "templates"])
def test_planned_studies_fit_the_card_that_their_machine_names(study: Study) -> None:
    machine = read_machine(ROOT / "cluster" / "a100x32.yaml")
    assert machine.gpu == "a100"
    check_fits(study.runs.values(), rates=card(machine.gpu), machine=machine)


def test_runs_that_share_a_card_share_its_memory() -> None:
    held = run_memory(LARGE, device="cuda").total + CONTEXT_BYTES
    quarter = Machine(run_gpus=0.25)
    tight = replace(card("h100"), memory_bytes=4 * held)
    check_fits([LARGE], rates=tight, machine=quarter)
    with pytest.raises(UserError, match=r"needs .* GB, and 4 of them share one") as said:
        check_fits([LARGE], rates=replace(tight, memory_bytes=4 * held - 1), machine=quarter)
    assert "run_gpus" in str(said.value)
    assert len(str(said.value).splitlines()) == 1
    check_fits([LARGE], rates=replace(tight, memory_bytes=held), machine=Machine(run_gpus=1))


def test_the_runs_of_a_pack_share_its_memory() -> None:
    each = run_memory(LARGE, device="cuda").total
    alike = [replace(LARGE, seed=seed) for seed in range(3)]
    tight = replace(card("h100"), memory_bytes=3 * each + CONTEXT_BYTES)
    check_fits(alike, rates=tight, machine=Machine(run_gpus=1, pack=8))
    with pytest.raises(UserError, match=r"GB for its 4 runs \(pack\); .*; lower pack in"):
        check_fits(
            [*alike, replace(LARGE, seed=3)], rates=tight, machine=Machine(run_gpus=1, pack=8)
        )


def test_what_helps_is_named() -> None:
    xl = replace(ALONE, model=SIZES["XL"])
    with pytest.raises(UserError, match=r"h100 has 80\.0 GB; try train\.recompute=block"):
        check_fits([xl], rates=card("h100"), machine=Machine())
    check_fits(
        [replace(xl, train=replace(xl.train, recompute="block", accumulate=4))],
        rates=card("h100"),
        machine=Machine(),
    )
    check_fits([xl], rates=replace(card("h100"), kind="cpu"), machine=Machine())


@pytest.mark.parametrize(
    ("device", "refused"),
    [
        ("t4", "device t4: it has no bfloat16"),
        ("l4", "l4 has 24.0 GB"),
        ("v100", "there are t4, a10"),
        ("nowhere.json", "physscale calibrate-device"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_one_line_and_exit_code_2(
    device: str, refused: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = str(ROOT / "cluster" / "a100x32.yaml")
    arguments = ["plan", "paper", "--machine", machine, "--results", str(tmp_path)]
    code, out, err = said([*arguments, "--device", device], capsys)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert refused in err
    code, out, err = said(["run", "paper", "--dry-run", *arguments[2:], "train.batch=2048"], capsys)
    assert code == 2
    assert "a process needs" in err
