"""A run whose parts do not fit together is refused before anything is spent, in one line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from physscale.cli.main import main
from physscale.codec.kinds import PcaSpec
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_spec import VaeSpec
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.model.conditioning_spec import TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.unet_spec import UNetSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.run.check import check
from physscale.run.spec import CodecRecipe, RunSpec, TestSplit
from physscale.simulate.named import named_data
from physscale.study.spec import load_study, study_names
from tests.tiny import tiny_run

VAE = VaeSpec(widths=(8, 8, 8), levels_back=3, time_factor=4)


@dataclass(frozen=True)
class Hopeful(FlowSpec):
    """An objective of a user's own, which does not look at the length of the videos."""

    def backbone_shape(self, shape: LatentShape) -> BackboneShape:
        return super().backbone_shape(replace(shape, frames=99))


def with_frames(run: RunSpec, frames: int) -> RunSpec:
    """The run and its test splits with videos of this length."""
    splits = tuple(
        replace(split, data=replace(split.data, frames=frames)) for split in run.test_splits
    )
    return replace(run, data=replace(run.data, frames=frames), test_splits=splits)


def with_train(**changes: object) -> RunSpec:
    run = tiny_run()
    return replace(run, train=replace(run.train, **changes))  # type: ignore[arg-type]


def compressed(objective: FlowSpec) -> RunSpec:
    """Nine frames become three latent frames."""
    run = with_frames(tiny_run(), 9)
    recipe = CodecRecipe(spec=VAE, corpus=run.codec.corpus, training=VaeTraining(steps=2))
    return replace(run, codec=recipe, objective=objective)


def perceptual() -> RunSpec:
    run = compressed(FlowSpec(condition_frames=2))
    training = VaeTraining(steps=2, perceptual_weight=0.5)
    return replace(run, codec=replace(run.codec, training=training))


def few_stills() -> RunSpec:
    run = tiny_run()
    return replace(run, codec=replace(run.codec, spec=PcaSpec(components=65)))


def without_width() -> RunSpec:
    run = with_train(parametrisation="mup", base_width=7)
    return replace(run, model=UNetSpec(8))


def described(
    name: str = "uniform", *, flip: Literal["none", "horizontal"] = "none", **model: Any
) -> RunSpec:
    """A run whose model reads a description of each row."""
    run = tiny_run()
    held = replace(named_data(name, videos=4), draw="held_out", split="held")
    return replace(
        run,
        data=named_data(name, videos=4),
        test_splits=(TestSplit(kind="id", data=held),),
        model=DiTSpec(width=8, depth=1, heads=1, **model),
        train=replace(run.train, flip=flip),
    )


REFUSED: dict[str, tuple[Callable[[], RunSpec], str]] = {
    "time": (
        lambda: compressed(FlowSpec(condition_frames=3)),
        "condition_frames=3: must be below the 3 latent frames .* data.frames=9",
    ),
    "time, own objective": (
        lambda: compressed(Hopeful(condition_frames=3)),
        "condition_frames=3: must be below the 3 latent frames .* data.frames=9",
    ),
    "nothing given": (
        lambda: replace(tiny_run(), objective=FlowSpec(condition_frames=0)),
        "condition_frames=0: must be at least 1",
    ),
    "no test split": (lambda: replace(tiny_run(), test_splits=()), r"test_splits=\(\): give"),
    "split": (
        lambda: replace(tiny_run(), data=replace(tiny_run().data, frames=9)),
        r"test split 'id' frames=16: .* data.frames=9 .* test_splits.\*.data.frames=9",
    ),
    "workers": (
        lambda: replace(tiny_run(), workers=9),
        r"batch=8: must be at least the number of workers \(9\)",
    ),
    "accumulate": (
        lambda: replace(with_train(accumulate=3), workers=3),
        "accumulate=3: must be at most the 2 videos of a worker's share",
    ),
    "stills": (few_stills, "components=65: needs as many frames and pixels, got 64 and 768"),
    "perceptual": (perceptual, "perceptual_weight=0.5: its network needs frames of 32 px, not 16"),
    "bodies": (
        lambda: replace(tiny_run(), data=named_data("gap", videos=4)),
        r"test split 'id': a scene of 'uniform' has 1 bodies, and one of 'gap', .* 3; ",
    ),
    "sentence": (
        lambda: described(conditioning="text", text=TextSpec(tokens=60)),
        r"text tokens=60: 'A red ball .* has 76 characters; raise model.text.tokens",
    ),
    "mirrored sentence": (
        lambda: described(
            "uniform_right", flip="horizontal", conditioning="text", text=TextSpec(tokens=75)
        ),
        r"text tokens=75: 'A red ball .* has 76 characters; raise model.text.tokens",
    ),
    "numbers of bodies": (
        lambda: described("gap", conditioning="numbers", bodies=2),
        r"model bodies=2: scenario gap has rows of 3 bodies; use model.bodies=3",
    ),
    "mup": (without_width, "width=7: must be even"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_carried_out_is_refused_in_one_line(case: str) -> None:
    run, message = REFUSED[case]
    with pytest.raises(UserError, match=message) as refused:
        check(run())
    assert "\n" not in str(refused.value)


def test_other_lengths_are_taken_where_the_objective_takes_them() -> None:
    """Next-frame prediction maps a window, so it rolls out videos of any length."""
    run = replace(tiny_run(), objective=AutoregressiveSpec())
    check(replace(run, data=replace(run.data, frames=9)))


def test_a_split_with_the_key_of_training_data_is_refused() -> None:
    """It ended in a traceback."""
    (split, _) = tiny_run().test_splits
    with pytest.raises(UserError, match="'id' draws with the key of training data: set draw="):
        replace(split, data=replace(split.data, draw="train"))


@pytest.mark.parametrize("name", study_names())
def test_every_study_passes(name: str) -> None:
    for run in load_study(name).runs.values():
        check(run)


@pytest.mark.parametrize(
    "words",
    [["plan"], ["run", "--dry-run"], ["run", "--backend", "plain"], ["tune"], ["encode"]],
    ids=" ".join,
)
def test_no_command_spends_anything_on_it(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *options = words
    with pytest.raises(SystemExit, match="2"):
        main([command, "motion", "data.frames=12", *options, "--results", str(tmp_path)])
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
