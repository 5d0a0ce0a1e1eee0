"""What is added to a built model from outside: recomputation and compilation of its blocks, and
learning rates by width.

Recomputation (arXiv 1604.06174) keeps only a block's input and runs the block again in the backward
pass. The block is compiled with its recomputation, so that the compiler sees both passes (the order
of torchtitan). The model itself does not change."""

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from physscale.model import on_cpu  # noqa: F401 - it registers `multiplied`
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.train.spec import TrainSpec

__all__ = ["as_computed_on", "rate_factors", "wrap"]

ATEN = torch.ops.aten
KEPT = [
    ATEN.mm.default,
    ATEN.addmm.default,
    ATEN._scaled_dot_product_flash_attention.default,
    ATEN._scaled_dot_product_efficient_attention.default,
    ATEN._scaled_dot_product_cudnn_attention.default,
    ATEN._scaled_dot_product_flash_attention_for_cpu.default,
    torch.ops.physscale.multiplied.default,
]
"""Products and attention, which take most of the time of a block and less than half of its
memory."""

COMPILE_PAYS_STEPS = 2000
"""A block takes up to a minute to compile."""


def as_computed_on(device: str, *, train: TrainSpec) -> TrainSpec:
    """On a GPU, the blocks of a long training are compiled, where Triton and its C compiler are
    there. This changes rounding alone, and is no part of what is trained; torch's own switch
    `TORCHDYNAMO_DISABLE=1` turns it off."""
    pays = device == "cuda" and train.steps >= COMPILE_PAYS_STEPS
    return replace(train, compile="block") if pays and _can_compile() else train


def _can_compile() -> bool:
    return importlib.util.find_spec("triton") is not None and any(
        map(shutil.which, ("cc", "gcc", "clang"))
    )


def wrap(model: Backbone, *, train: TrainSpec) -> None:
    """Recompute the blocks and compile them, in place, where the spec asks for it; names and
    numbers of the parameters stay."""
    if train.recompute != "none":
        for block in model.blocks:
            block.forward = _recomputed(block.forward, selective=train.recompute == "selective")
    if train.compile == "block":
        # or the ninth shape that this process meets, over all its runs, would not be compiled
        torch._dynamo.reset()
        for block in model.blocks:
            block.forward = torch.compile(block.forward, dynamic=False)


def _recomputed(forward: Callable[..., Tensor], *, selective: bool) -> Callable[..., Tensor]:
    """Nothing in a block is drawn by chance, so no state of a generator is kept; on a GPU, keeping
    it would make the host wait."""
    more: dict[str, Any] = (
        {"context_fn": partial(create_selective_checkpoint_contexts, KEPT)} if selective else {}
    )

    def again(*given: Any, **named: Any) -> Tensor:  # noqa: ANN401 - what the block takes
        made: Tensor = checkpoint(
            forward, *given, use_reentrant=False, preserve_rng_state=False, **more, **named
        )
        return made

    return again


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
