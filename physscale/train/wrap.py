"""What is put on a built model from outside: recomputation and compilation of its blocks, and the
learning rates of its widths.

Recomputation (arXiv 1604.06174) keeps only a block's input and runs the block again in the backward
pass. The model knows none of it."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from physscale.model.dit import DiT
from physscale.train.spec import TrainSpec

__all__ = ["rate_factors", "wrap"]


def wrap(model: DiT, *, train: TrainSpec) -> None:
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


def rate_factors(model: DiT, *, train: TrainSpec) -> dict[str, float] | None:
    """What AdamW's learning rate of each parameter is multiplied by under muP (arXiv 2203.03466,
    table 3): fan-in of the model of `base_width` ÷ fan-in here for matrices, 1 for vectors; None
    where all are 1.

    All else that muP asks for is so already: matrices start with variance 1 / fan-in, the last one
    at zero; heads of one width (64 in S, B and L) keep the attention's 1 / sqrt(head width) as it
    is; Muon's steps have a spectral norm that depends on the shape alone."""
    if train.parametrisation == "standard":
        return None
    with torch.device("meta"):
        base = inputs(DiT(replace(model.spec, width=train.base_width, heads=1), shape=model.shape))
    own = inputs(model)
    return {
        name: base[name] / own[name] if name in own else 1.0 for name, _ in model.named_parameters()
    }


def inputs(model: nn.Module) -> dict[str, int]:
    """Fan-in of the weights of all linear layers."""
    return {
        f"{name}.weight": layer.in_features
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
    }
