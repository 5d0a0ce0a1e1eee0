"""Refuses a run whose parts do not fit together, before anything is spent and without torch.

Each part checks its own values when it is made. What a part can say only of another part's values
it is asked here."""

from functools import lru_cache

from physscale.records.errors import UserError
from physscale.run.conditioning_room import check_rows
from physscale.run.cost import backbone_shape, latent_shape
from physscale.run.device_memory import CONTEXT_BYTES, codec_memory, run_memory
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.scenario import Scenario
from physscale.simulate.spec import row_generator
from physscale.train.spec import check_optimiser

__all__ = ["check", "check_card"]


def check(run: RunSpec) -> None:
    """Raises UserError, in one line, for a run that could not be carried out."""
    _check_codec(run)
    _check_frames(run)
    _check_splits(run)
    _check_share(run)
    _check_conditioning(run)
    check_optimiser(run.train, backbone=run.model, shape=backbone_shape(run))
    if run.train.parametrisation == "mup":
        run.model.at_width(run.train.base_width)


def check_card(
    run: RunSpec, *, card: str, memory_bytes: int, sharing: int = 1, pack: int = 1
) -> None:
    """Raises UserError for a run that a GPU of so much memory does not hold, if `sharing` processes
    share the GPU, each with a pack of so many runs like it."""
    trained, codec = (
        pack * run_memory(run, device="cuda").total,
        codec_memory(run, workers=run.workers),
    )
    held = max(trained, codec) + CONTEXT_BYTES
    if sharing * held <= memory_bytes:
        return
    packed = f" for its {pack} runs (pack)" if pack > 1 else ""
    each = f", and {sharing} of them share one (run_gpus, worker_gpus)" if sharing > 1 else ""
    hint = (
        "lower pack in the machine file"
        if pack > 1 and trained >= codec
        else "try train.recompute=block, train.precision=bf16, a larger train.accumulate, or more "
        "workers"
        if trained >= codec
        else "its codec needs most: try codec.training.recompute=block, "
        "codec.training.precision=bf16, or a larger codec.training.accumulate"
    )
    raise UserError(
        f"model {run.model.description}, train batch={run.train.batch}: a process needs "
        f"{held / 1e9:.1f} GB{packed}{each}; {card} has {memory_bytes / 1e9:.1f} GB; {hint}"
    )


def _check_codec(run: RunSpec) -> None:
    """The codec can be made of its corpus, at this frame size."""
    recipe, size_px = run.codec, run.canvas.size_px
    recipe.spec.check_stills(stills=recipe.corpus.videos * recipe.corpus.frames, size_px=size_px)
    if recipe.training is None or not recipe.training.perceptual_weight:
        return
    from physscale.evaluate.frames.pixels import SMALLEST_LPIPS_PX  # loads SciPy

    if size_px < SMALLEST_LPIPS_PX:
        raise UserError(
            f"vae perceptual_weight={recipe.training.perceptual_weight}: its network needs frames "
            f"of {SMALLEST_LPIPS_PX} px, not {size_px}"
        )


def _check_frames(run: RunSpec) -> None:
    """Frames are given, which scoring begins at, and at least one is left to predict."""
    given, latent_frames = run.objective.condition_frames, latent_shape(run).frames
    if given < 1:
        raise UserError(
            f"objective condition_frames={given}: must be at least 1; scoring compares how motion "
            "goes on after the given frames"
        )
    if given >= latent_frames:
        raise UserError(
            f"objective condition_frames={given}: must be below the {latent_frames} latent frames "
            f"that the codec makes of data.frames={run.data.frames}; give longer videos, or a "
            "codec that compresses time less"
        )


def _check_splits(run: RunSpec) -> None:
    """There is a test split, and the backbone that is trained maps the videos of each."""
    if not run.test_splits:
        raise UserError("test_splits=(): give at least one; a run is there to be scored")
    trained = backbone_shape(run)
    for split in run.test_splits:
        frames = split.data.frames
        latents = run.codec.spec.latents(frames=frames, size_px=run.canvas.size_px)
        if run.objective.backbone_shape(latents) != trained:
            raise UserError(
                f"test split {split.data.split!r} frames={frames}: the model is trained on "
                f"data.frames={run.data.frames} and maps no other length; set both, with "
                f"test_splits.*.data.frames={run.data.frames}"
            )
        _check_bodies(run, split)


def _check_bodies(run: RunSpec, split: TestSplit) -> None:
    """The scenes of the split can be compared with those of the training, body by body."""
    trained, tested = run.data.scenario, split.data.scenario
    if tested.tracked and _bodies(trained) != _bodies(tested):
        raise UserError(
            f"test split {split.data.split!r}: a scene of {tested.name!r} has {_bodies(tested)} "
            f"bodies, and one of {trained.name!r}, which the run trains on, {_bodies(trained)}; "
            "the baselines compare them body by body: leave the split out"
        )


@lru_cache
def _bodies(scenario: Scenario) -> int:
    """How many bodies a scene has, the same number in all of them."""
    (scene,) = scenario.drawn([0], generator=lambda index: row_generator(0, index=index))
    return len(scene.bodies)


def _check_conditioning(run: RunSpec) -> None:
    """The model has room for what describes the first rows of each data set."""
    mirror = run.train.flip == "horizontal"
    check_rows(run.model.conditioned_on, run.data, mirror=mirror)
    for split in run.test_splits:
        check_rows(run.model.conditioned_on, split.data, mirror=False)


def _check_share(run: RunSpec) -> None:
    """Every worker has a video for each part of its share of the batch."""
    batch, accumulate = run.train.batch, run.train.accumulate
    if batch < run.workers:
        raise UserError(
            f"train batch={batch}: must be at least the number of workers ({run.workers})"
        )
    share = batch // run.workers
    if accumulate > share:
        raise UserError(
            f"train accumulate={accumulate}: must be at most the {share} videos of a worker's "
            "share of the batch"
        )
