"""What a run costs, by formula and without torch: parameters, FLOPs, bytes."""

from dataclasses import dataclass

from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.run.spec import RunSpec
from physscale.train.spec import CHECKPOINTS_KEPT

_NUMBERS_PER_PARAMETER = 4
"""Value, moving average and two moments, each a float32."""

VALIDATION_VIDEOS = 96
"""How many unseen videos validation looks at."""

PICTURED_VIDEOS = 6
"""Videos per split, or per look, that become a moving picture."""

_SAMPLES_COMPRESSED = 0.075
"""Bytes of a test split's samples on disk ÷ bytes of their frames, measured on 32 px samples of
trained models (0.070 to 0.078)."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run costs, from nothing to its scores.

    Attributes:
        flops: matrix products of the whole training (`BackboneSpec.training_flops`).
        data_bytes: frames of the training videos; they are rendered and streamed, not kept.
        disk_bytes: what stays in the run's folder: checkpoints and samples.
    """

    parameters: int
    flops: float
    data_bytes: int
    disk_bytes: int


def latent_shape(run: RunSpec) -> LatentShape:
    """Shape of one video in latent space."""
    return run.codec.spec.latents(frames=run.data.frames, size_px=run.canvas.size_px)


def backbone_shape(run: RunSpec) -> BackboneShape:
    """What the run's backbone maps."""
    return run.objective.backbone_shape(latent_shape(run))


def encoding_flops(run: RunSpec) -> float:
    """Matrix products of the run's codec on one video."""
    return run.codec.spec.encoding_flops(frames=run.data.frames, size_px=run.canvas.size_px)


def codec_training_flops(run: RunSpec) -> float:
    """Of the whole training of the run's codec; 0 if none is trained."""
    training = run.codec.training
    if training is None:
        return 0.0
    return run.codec.spec.training_flops(training, size_px=run.canvas.size_px)


def cost(run: RunSpec) -> Cost:
    """The run's cost by formula."""
    shape = backbone_shape(run)
    count = run.model.parameters(shape)
    passes = run.train.batch * run.train.steps * run.objective.passes(latent_shape(run))
    frame_bytes = 3 * run.canvas.size_px**2
    sampled = sum(split.data.videos * split.data.frames * frame_bytes for split in run.test_splits)
    return Cost(
        parameters=count,
        flops=float(passes) * run.model.training_flops(shape),
        data_bytes=run.data.videos * run.data.frames * frame_bytes,
        disk_bytes=CHECKPOINTS_KEPT * 4 * (_NUMBERS_PER_PARAMETER * count + run.train.steps)
        + round(_SAMPLES_COMPRESSED * sampled),
    )


def scoring_flops(run: RunSpec) -> float:
    """Matrix products of the trained model on the test splits: held-out loss and samples. A video
    is encoded once and decoded twice beside that (`encoding_flops`)."""
    shape = latent_shape(run)
    passes = run.objective.held_out_passes(shape) + run.objective.sampling_passes(shape)
    videos = sum(split.data.videos for split in run.test_splits)
    return float(videos * passes) * run.model.forward_flops(backbone_shape(run))


def validation_flops(run: RunSpec) -> float:
    """Matrix products of all that is looked at while the run trains."""
    shape, train = latent_shape(run), run.train
    measured = VALIDATION_VIDEOS * run.objective.held_out_passes(shape)
    sampled = PICTURED_VIDEOS * run.objective.sampling_passes(shape)
    looks = [
        (-(-train.steps // every), passes)
        for every, passes in ((train.validate_every, measured), (train.sample_every, sampled))
        if every
    ]
    passes = sum(times * passes for times, passes in looks)
    return float(passes) * run.model.forward_flops(backbone_shape(run))
