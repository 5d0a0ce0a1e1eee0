"""The small recipe: whole-frame latents, one token per frame, x-prediction on a rectified flow, and
Muon. A run takes minutes on one CPU core.

Principal components of motion-free frames take the place of a frozen VAE. Neither the codec nor the
budget then decides between in and out of distribution (measured in `experiments/LOG.md`)."""

from dataclasses import replace

from physscale.codec.kinds import PcaSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.sizes import sized
from physscale.records.scores import SplitKind
from physscale.render.canvas import Canvas
from physscale.run.spec import CodecRecipe, RunSpec, TestSplit
from physscale.simulate.named import named_data
from physscale.simulate.paper.grids import Motion
from physscale.simulate.paper.sets import GROUPS
from physscale.simulate.scenario import Scenario
from physscale.simulate.spec import DataSpec
from physscale.train.spec import TrainSpec

CORPUS_FRAMES = 4800
TEST_VIDEOS = 96
DIFFUSION = FlowSpec()


def splits(**splits: tuple[SplitKind, Scenario]) -> tuple[TestSplit, ...]:
    """Test splits by name, each with `TEST_VIDEOS` held-out videos."""
    return tuple(
        TestSplit(
            kind=kind,
            data=DataSpec(scenario=scenario, videos=TEST_VIDEOS, draw="held_out", split=split),
        )
        for split, (kind, scenario) in splits.items()
    )


def official_splits(law: Motion) -> tuple[TestSplit, ...]:
    """The paper's evaluation file of a law by groups, together all of its rows. `ood` is what its
    script counts as out of distribution; `filtered` are balls that are too small for it."""
    return tuple(
        TestSplit(
            kind="id" if group == "id" else "ood",
            data=replace(named_data(f"{law}_eval_{group}"), draw="held_out", split=group),
        )
        for group in GROUPS
    )


def small_run(
    scenario: Scenario,
    *,
    test_splits: tuple[TestSplit, ...],
    videos: int = 1000,
    size: str | BackboneSpec = "d64",
    objective: ObjectiveSpec = DIFFUSION,
    seed: int = 0,
    components: int = 32,
    steps: int = 1500,
    workers: int = 1,
) -> RunSpec:
    """One run of the small recipe; `seed` decides the training videos, the first weights and the
    noise."""
    return RunSpec(
        data=DataSpec(scenario=scenario, videos=videos, seed=seed),
        canvas=Canvas(),
        codec=CodecRecipe(
            spec=PcaSpec(components),
            corpus=DataSpec(scenario=scenario.still(), videos=CORPUS_FRAMES, frames=1),
        ),
        model=sized(size),
        objective=objective,
        train=TrainSpec(steps=steps),
        test_splits=test_splits,
        seed=seed,
        workers=workers,
    )
