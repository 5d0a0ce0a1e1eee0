"""Refuses a run whose parts do not fit together, before anything is spent and without torch.

Each part checks its own values when it is made. What a part can say only of another part's values
it is asked here."""

from physscale.records.errors import UserError
from physscale.run.cost import backbone_shape, latent_shape
from physscale.run.spec import RunSpec
from physscale.train.spec import check_optimiser

__all__ = ["check"]


def check(run: RunSpec) -> None:
    """Raises UserError, in one line, for a run that could not be carried out."""
    _check_codec(run)
    _check_frames(run)
    _check_splits(run)
    _check_share(run)
    check_optimiser(run.train, backbone=run.model, shape=backbone_shape(run))
    if run.train.parametrisation == "mup":
        run.model.at_width(run.train.base_width)


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
    """At least one latent frame is left to predict."""
    given, latent_frames = run.objective.condition_frames, latent_shape(run).frames
    if given >= latent_frames:
        raise UserError(
            f"objective condition_frames={given}: must be below the {latent_frames} latent frames "
            f"that the codec makes of data.frames={run.data.frames}; give longer videos, or a "
            "codec that compresses time less"
        )


def _check_splits(run: RunSpec) -> None:
    """The backbone that is trained maps the videos of each test split."""
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
