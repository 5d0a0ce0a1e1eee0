"""How many videos pass through a trained model at once: by formula, without torch.

A forward pass alone holds less than a training step that recomputes every block: what lies outside
the blocks, each block's input, and one block's activations. That bound holds for every backbone,
and it is two to five times what one pass needs (`tests/unit/run/test_inference_memory.py` counts).

A GPU is busy long before it is full: `WORKING_BYTES` hold some 10,000 tokens of S to XL. So the
number of videos depends on the run alone, and not on what the device has free. Results do not
change with the card, with its other processes, or with the number of workers."""

from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import Autocast, BackboneSpec
from physscale.records.latent_shape import LatentShape
from physscale.run.cost import latent_shape
from physscale.run.spec import RunSpec

__all__ = ["VIDEOS_AT_ONCE", "WORKING_BYTES", "inference_bytes", "videos_at_once"]

WORKING_BYTES = 2 << 30
"""For one process, beside the model's weights."""

VIDEOS_AT_ONCE = 32
"""The most, however small they are, so that the test splits of a small model have parts to deal
out."""

_HALF = 2


def inference_bytes(
    model: BackboneSpec, *, objective: ObjectiveSpec, shape: LatentShape, videos: int, bf16: bool
) -> int:
    """At most so many bytes are in use, beside the weights, while so many videos of this shape are
    sampled or measured together."""
    ports = objective.backbone_shape(shape)
    autocast: Autocast = "cuda" if bf16 else "none"  # on a CPU too: the parts are the same
    passed = model.memory(ports, videos=videos * objective.passes(shape), autocast=autocast)
    copies = _HALF if bf16 else 0
    fullest = max(block.kept + copies * block.numbers for block in passed.blocks)
    inputs = sum(block.input for block in passed.blocks)
    return passed.ends + inputs + fullest + objective.step_bytes(shape, videos=videos)


def videos_at_once(run: RunSpec) -> int:
    """The largest number up to `VIDEOS_AT_ONCE` that fits into `WORKING_BYTES`; 1 if none does."""
    shape, bf16 = latent_shape(run), run.score_precision == "bf16"
    for videos in range(VIDEOS_AT_ONCE, 1, -1):
        needed = inference_bytes(
            run.model, objective=run.objective, shape=shape, videos=videos, bf16=bf16
        )
        if needed <= WORKING_BYTES:
            return videos
    return 1
