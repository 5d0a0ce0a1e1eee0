"""Whole runs on one card: killed and resumed, under Ray Train, and several beside each other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from statistics import median

import torch

from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.scheduling.arithmetic import Arithmetic
from tests.gpu.ladder import Ladder
from tests.gpu.row import Bench, Reading, Row
from tests.paths import ROOT

PATIENCE_S = 400

RESUMED: dict[Arithmetic, float | None] = {"deterministic": 0.0, "fast": None}
"""How far losses may differ after a resume: "fast" only informs."""


def resumed(bench: Bench) -> Iterator[Reading]:
    """Losses of a run that was killed (SIGKILL) half-way and resumed, against another's."""
    for arithmetic, limit in RESUMED.items():
        steps = 150 if bench.tiny else 400
        ladder = on(bench, Ladder(backend="plain", steps=steps, arithmetic=arithmetic))
        yield Reading(name=arithmetic, value=killed_apart(bench, ladder), at_most=limit)


def under_ray_train(bench: Bench) -> Iterator[Reading]:
    """A run of two workers with a place for one, killed once: it continues with one."""
    needs_ray()
    ladder = on(bench, Ladder(workers=2, steps=150 if bench.tiny else 400))
    yield Reading(name="largest difference", value=killed_apart(bench, ladder), at_most=1e-3)


def sharing(bench: Bench) -> Iterator[Reading]:
    """Eight runs of d16, four on a card at a time, against one at a time."""
    needs_ray()
    seconds: dict[int, float] = {}
    for at_a_time in (1, 2 if bench.tiny else 4):
        runs = 2 if bench.tiny else 8
        ladder = on(bench, Ladder(runs=runs, at_a_time=at_a_time, steps=20 if bench.tiny else 1500))
        store = Store(bench.folder / f"{at_a_time}")
        begun_s = time.perf_counter()
        driver = start(store, ladder)
        held = 0.0
        while driver.poll() is None:
            held = max(held, held_gb(bench))
            time.sleep(0.5)
        seconds[at_a_time] = time.perf_counter() - begun_s
        yield Reading(
            name=f"left, {at_a_time} at a time",
            value=len(ladder.study().runs) - done(store),
            at_most=0,
            unit="runs",
        )
        if held:
            yield Reading(name="a process holds", value=held / at_a_time, unit="GB")
    alone, beside = seconds.values()
    yield Reading(name="speed-up", value=alone / beside)


def packed(bench: Bench) -> Iterator[Reading]:
    """Steps per second of all runs on the card: of a pack, and of four processes."""
    needs_ray()
    steps = 20 if bench.tiny else 1500
    ladders = {
        "four processes": Ladder(runs=2, at_a_time=2, steps=steps)
        if bench.tiny
        else Ladder(runs=4, at_a_time=4, steps=steps),
        "a pack of 32": Ladder(runs=4 if bench.tiny else 32, pack=32, steps=steps),
    }
    rates: dict[str, float] = {}
    for name, ladder in ladders.items():
        store = Store(bench.folder / name.replace(" ", "_"))
        start(store, on(bench, ladder)).wait()
        runs = ladder.study().runs
        yield Reading(name=f"left, {name}", value=len(runs) - done(store), at_most=0, unit="runs")
        laps = [
            line["ms_per_step"]
            for run in runs
            for line in read_metrics(store.run(run).metrics)
            if "ms_per_step" in line
        ]
        rates[name] = 1e3 * len(runs) / median(laps)
        yield Reading(name=name, value=rates[name], unit="steps/s")
    beside, together = rates.values()
    yield Reading(name="speed-up (aim 8)", value=together / beside)


def on(bench: Bench, ladder: Ladder) -> Ladder:
    """The ladder on the bench's device."""
    return Ladder(**{**asdict(ladder), "gpu": 1.0 if bench.device == "cuda" else 0.0})


def needs_ray() -> None:
    """Raises ModuleNotFoundError where Ray is not installed."""
    import ray  # noqa: F401


def killed_apart(bench: Bench, ladder: Ladder) -> float:
    """The largest difference between the logged losses of a killed and of an undisturbed run."""
    place = bench.folder / ladder.arithmetic
    killed, calm = Store(place / "killed"), Store(place / "calm")
    (run,) = ladder.study().runs
    driver = start(killed, ladder)
    until(lambda: logged(killed, run), driver=driver, store=killed)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    for store in (killed, calm):
        if start(store, ladder).wait(PATIENCE_S) or not done(store):
            raise RuntimeError(
                f"{store.root.name}: {(store.root / 'driver.log').read_text()[-200:]}"
            )
    found, reference = dict(losses(killed, run)), dict(losses(calm, run))
    if found.keys() != reference.keys():
        raise RuntimeError(f"steps {sorted(found)} are logged, not {sorted(reference)}")
    return max(abs(found[step] - loss) for step, loss in reference.items())


def start(store: Store, ladder: Ladder) -> "subprocess.Popen[bytes]":
    """A driver with a process group of its own."""
    store.root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.gpu.ladder", str(store.root)]
    with (store.root / "driver.log").open("ab") as log:
        return subprocess.Popen(
            [*command, json.dumps(asdict(ladder))],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {"WANDB_MODE": "disabled"},
        )


def logged(store: Store, run: str) -> bool:
    """Whether the run has logged half of its steps."""
    return len(losses(store, run)) > 1


def losses(store: Store, run: str) -> list[tuple[int, float]]:
    path = store.run(run).metrics
    return [(line["step"], line["loss"]) for line in read_metrics(path)] if path.exists() else []


def last_words(store: Store) -> str:
    """The end of the driver's log, on one line."""
    return " ".join((store.root / "driver.log").read_text().split())[-300:]


def done(store: Store) -> int:
    """How many runs have ended well."""
    return sum(entry.state is State.DONE for entry in Ledger(store.ledger).entries().values())


def until(there: Callable[[], bool], *, driver: "subprocess.Popen[bytes]", store: Store) -> None:
    """Wait until something is there; a driver that ends before it raises."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not there():
        if driver.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"ended or too slow before the kill: {last_words(store)}")
        time.sleep(0.05)


def held_gb(bench: Bench) -> float:
    """What all processes hold on the card now; nothing on a CPU."""
    if bench.device == "cpu":
        return 0.0
    free, total = torch.cuda.mem_get_info()
    return (total - free) / 1e9


ROWS = (
    Row(
        name="resume",
        item="a run killed (SIGKILL) half-way and run again, against an undisturbed one",
        passes="losses equal in deterministic arithmetic; else the difference is printed",
        measure=resumed,
    ),
    Row(
        name="ray_train",
        item="Ray Train with one GPU worker, killed once",
        passes="done; losses ≤ 1e-3 from an undisturbed run's",
        measure=under_ray_train,
    ),
    Row(
        name="sharing",
        item="8 runs of d16 at 0.25 GPU, four at a time, against one at a time",
        passes="all done; speed-up and GB per process are printed",
        measure=sharing,
    ),
    Row(
        name="packed",
        item="32 runs of d16 as one pack, against four at 0.25 GPU",
        passes="all done; the speed-up informs (aim 8)",
        measure=packed,
    ),
)
