"""Times by roofline against cases computed by hand."""

from dataclasses import replace

import pytest

from experiments.motion import TRAINED
from experiments.paper import paper_run
from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.run.cost import cost
from physscale.run.spec import RunSpec
from physscale.scheduling.machine_file import read_machine
from physscale.simulate.named import named_data
from physscale.study.devices import CARDS, card
from physscale.study.recipe import small_run
from physscale.study.roofline import step_time
from physscale.study.speed import DeviceSpeed
from tests.paths import ROOT

A100S = read_machine(ROOT / "cluster" / "a100x32.yaml")


def paper(size: str, *, workers: int = 32) -> RunSpec:
    run = paper_run(named_data("uniform_30k"), test_splits=())
    return replace(run, model=SIZES[size], workers=workers)


def test_l_on_32_h100_by_hand() -> None:
    """Per step and device: 8 videos of 2,048 tokens, 16,384 in all; width 1,024, 24 blocks.

    products   3 x 24 x 24 x 1024^2 x 16384            29.7 TFLOP / (0.7 x 989)    42.9 ms
    attention  3 x 24 x 4 x 2048 x 1024 x 16384         9.9 TFLOP / (0.4 x 989)    25.0 ms
    other      (24 x 500 + 112) B x 1024 x 16384        203 GB / (0.8 x 3350)      75.8 ms
    noise      8 x 32 x 4 x 16 x 16 x 1552 B            0.4 GB / (0.8 x 3350)       0.2 ms
    optimiser  84 B x 310M                             26.0 GB / (0.8 x 3350)       9.7 ms
    link       2 x 31/32 x 4 B x 310M                  2.40 GB / 50                48.0 ms, hidden
               by the backward pass, 2/3 of the first four: 96 ms
    host       (24 x 97 + 118 + 14 + 353) x 8 us = 22.5 ms, beside the device's 154 ms

    That is 154 ms, and 4.3 hours for 100,000 steps; one device alone takes 137 hours."""
    speed = DeviceSpeed(rates=card("h100"), machine=A100S)
    step = speed.step(paper("L"))
    parts = (step.products_s, step.attention_s, step.bytes_s, step.optimiser_s, step.link_s)
    by_hand_ms = (42.9, 25.0, 76.0, 9.7, 48.0)
    assert [1e3 * part for part in parts] == pytest.approx(by_hand_ms, rel=0.01)
    assert step.host_s == pytest.approx(22.5e-3, rel=0.01)
    assert step.hidden_s == step.link_s
    assert step.total == pytest.approx(sum(by_hand_ms[:-1]) / 1e3, rel=0.01)
    hours = hours_of(paper("L"), speed=speed)
    assert hours == pytest.approx(4.27, rel=0.01)
    alone = hours_of(paper("L", workers=1), speed=speed)
    assert alone == pytest.approx((32 * (42.9 + 25.0 + 75.8) + 9.7) * 100 / 3600, rel=0.01)


def test_l_on_32_a100_reaches_about_what_video_transformers_report() -> None:
    """29.7 / 218 + 9.9 / 125 TFLOP/s, 203 GB / 1,631, 26 GB / 1,631, 48 ms of the link hidden:
    356 ms per step, 9.9 hours, 35 % of the peak."""
    step = DeviceSpeed(rates=card("a100"), machine=A100S).step(paper("L"))
    assert step.total == pytest.approx(0.1363 + 0.0793 + 0.1249 + 0.016, rel=0.01)
    share = cost(paper("L")).flops / 1e5 / 32 / step.total / (1e12 * CARDS["a100"].bf16)
    assert share == pytest.approx(0.355, abs=0.01)


def test_a_small_model_costs_what_its_launches_cost() -> None:
    """d8: (3 x 70 + 87 + 14 + 3 x 18) x 8 us = 2.92 ms, and 32 x 16 x 32 numbers of noise in
    0.25 ms beside them; its 0.2 GFLOP would take microseconds."""
    run = small_run(TRAINED, test_splits=(), size="d8")
    step = step_time(run, rates=card("h100"), link_bytes_per_s=1e12)
    assert step.total == step.host_s == pytest.approx(2.92e-3, rel=0.01)
    assert step.device_s < 0.1 * step.total
    larger = replace(run, model=SIZES["d64"])
    assert step_time(larger, rates=card("h100"), link_bytes_per_s=1e12).total == step.total


def test_runs_that_share_a_card_take_turns_on_it() -> None:
    """Four of S take four times as long; four of d64, whose hosts are what takes time, as long as
    one."""
    quarter, whole = replace(A100S, run_gpus=0.25), replace(A100S, run_gpus=1)
    for run, slower in ((paper("S", workers=1), 4), (small_run(TRAINED, test_splits=()), 1)):
        four, one = (
            DeviceSpeed(rates=card("h100"), machine=machine).step(run).total
            for machine in (quarter, whole)
        )
        assert four == pytest.approx(slower * one)


def test_runs_of_a_pack_share_their_launches() -> None:
    run = small_run(TRAINED, test_splits=(), size="d8")
    alone, packed = (
        DeviceSpeed(rates=card("h100"), machine=replace(A100S, run_gpus=1, pack=pack)).step(run)
        for pack in (1, 8)
    )
    assert packed.host_s == alone.host_s / 8
    assert packed.device_s == alone.device_s
    several = DeviceSpeed(rates=card("h100"), machine=replace(A100S, pack=8))
    assert several.step(replace(run, workers=2)).host_s > packed.host_s


def test_noise_of_the_host_holds_up_a_fast_card() -> None:
    """S alone, batch 256: 256 x 32,768 numbers x 15 ns = 126 ms on the host. Drawn on the card they
    cost 353 operations and 1,552 bytes each: 4.9 ms of an H100."""
    run = replace(paper("S", workers=1), train=replace(paper("S").train, batch=256, noise="host"))
    drawn = replace(run, train=replace(run.train, noise="device"))
    host, device = (
        step_time(each, rates=card("h100"), link_bytes_per_s=1e12) for each in (run, drawn)
    )
    assert host.noise_s == pytest.approx(0.126, rel=0.01)
    assert device.noise_s == 0
    assert device.bytes_s - host.bytes_s == pytest.approx(4.9e-3, rel=0.02)


def test_float32_counts_at_its_own_peak() -> None:
    """A100: 19.5 TFLOP/s without TF32 against 312 in bfloat16."""
    run = paper("B")
    single = replace(run, train=replace(run.train, precision="fp32"))
    slow, fast = (
        step_time(each, rates=card("a100"), link_bytes_per_s=5e10) for each in (single, run)
    )
    assert slow.products_s == pytest.approx(16 * fast.products_s, rel=0.01)


@pytest.mark.parametrize("name", ["t4"])
def test_bfloat16_is_refused_where_there_is_none(name: str) -> None:
    with pytest.raises(
        UserError, match=r"device t4: it has no bfloat16; set train\.precision=fp32"
    ):
        step_time(paper("S"), rates=card(name), link_bytes_per_s=5e10)


def test_muon_counts_on_each_workers_share_of_the_matrices() -> None:
    """L: 4 matrices of 1024^2 and 2 of 4096 x 1024 in each of 24 blocks.

    float32, one worker: 30 and 42 x 1024^3 FLOP each, 5.26 TFLOP; 385 ms at 70 % of an A100's 19.5.
    bfloat16, 32 workers: 24 and 72 x 1024^3 each; 3 and 1 + 1 a worker, 0.232 TFLOP at 70 % of 312;
    302M numbers of 2 bytes go round, 31/32 of them over the link."""

    def more(precision: str, *, workers: int) -> tuple[float, float]:
        run = paper("L", workers=workers)
        plain = replace(run, train=replace(run.train, precision=precision))
        muon = replace(plain, train=replace(plain.train, optimiser="muon"))
        one, other = (
            step_time(each, rates=card("a100"), link_bytes_per_s=5e10) for each in (plain, muon)
        )
        return other.optimiser_s - one.optimiser_s, other.link_s - one.link_s

    alone, dealt = more("fp32", workers=1), more("bf16", workers=32)
    assert alone == pytest.approx((5.26e12 / (0.7 * 19.5e12), 0), rel=0.01)
    assert dealt == pytest.approx((0.232e12 / (0.7 * 312e12), 0.585e9 / 5e10), rel=0.01)


def test_a_slow_link_is_hidden_in_part() -> None:
    """1 GB/s: 2.40 s on the way, of which the backward pass of an H100 hides 96 ms. A processor,
    which sends them itself, hides nothing."""
    step = step_time(paper("L"), rates=card("h100"), link_bytes_per_s=1e9)
    assert step.hidden_s == pytest.approx(0.096, rel=0.01)
    assert step.total == pytest.approx(step.device_s + 2.40 - 0.096, rel=0.01)
    own = replace(card("h100"), kind="cpu")
    assert step_time(paper("L"), rates=own, link_bytes_per_s=1e9).hidden_s == 0


def test_recompute_accumulate_and_shards_cost_what_they_cost() -> None:
    def step(**changes: object) -> float:
        run = paper("L")
        changed = replace(run, train=replace(run.train, **changes))  # type: ignore[arg-type]
        return step_time(changed, rates=card("h100"), link_bytes_per_s=5e10).total

    plain = step()
    assert step(recompute="block") == pytest.approx(plain + (42.9 + 25 + 75.8) / 3e3, rel=0.01)
    assert plain < step(accumulate=8) < 1.5 * plain, "more sums and launches, less hidden"
    gathered = step(parallel="fsdp")
    assert gathered == pytest.approx(plain, rel=1e-6), "2 + 2 + 4 bytes instead of 4 + 4"


def hours_of(run: RunSpec, *, speed: DeviceSpeed) -> float:
    return speed.run_s(run, flops=cost(run).flops) / 3600
