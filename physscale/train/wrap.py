"""What is added to a built model from outside: recomputation and compilation of its blocks, and
learning rates by width.

Recomputation (arXiv 1604.06174) keeps only a block's input and runs the block again in the backward
pass. The model itself does not change."""

from functools import partial

import torch
from torch.utils.checkpoint import checkpoint

from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.train.spec import TrainSpec

__all__ = ["rate_factors", "wrap"]


def wrap(model: Backbone, *, train: TrainSpec) -> None:
    """Compile the blocks and recompute them (compiled), in place, where the spec asks for it; names
    and numbers of the parameters stay."""
    if train.compile == "block":
        # or the ninth shape that this process meets, over all its runs, would not be compiled
        torch._dynamo.reset()
        for block in model.blocks:
            block.forward = torch.compile(block.forward, dynamic=False)
    if train.recompute == "block":
        for block in model.blocks:
            block.forward = partial(checkpoint, block.forward, use_reentrant=False)


def rate_factors(
    spec: BackboneSpec, *, model: Backbone, train: TrainSpec
) -> dict[str, float] | None:
    """What AdamW's learning rate of each parameter is multiplied by under muP (arXiv 2203.03466,
    table 3): fan-in of the model of `base_width` ÷ fan-in here for matrices, 1 for vectors; None
    where all are 1.

    All else that muP asks for is so already: matrices start with variance 1 / fan-in, the last one
    at zero; heads of one width (64 in S, B and L) keep the attention's 1 / sqrt(head width) as it
    is; Muon's steps have a spectral norm that depends on the shape alone."""
    if train.parametrisation == "standard":
        return None
    with torch.device("meta"):
        base = spec.at_width(train.base_width).build(model.shape).fan_in()
    own = model.fan_in()
    return {
        name: base[name] / own[name] if name in own else 1.0 for name, _ in model.named_parameters()
    }
