"""The losses of several models of one shape as one function of their weights, by
`torch.func.vmap`."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from physscale.flow.objective import Share
from physscale.model.backbone import Backbone
from physscale.model.on_cpu import by_torch
from physscale.train.prefetch import moved
from physscale.train.spec import TrainSpec
from physscale.train.step import products

__all__ = ["losses_function"]


def losses_function(
    model: Backbone, *, train: TrainSpec
) -> Callable[[dict[str, Tensor], list[Share]], Float[Tensor, " seats"]]:
    """From named parameters [seats, ...] and one share per row, on the host, to each row's loss.
    The model lends its structure and buffers."""

    def alone(parameters: dict[str, Tensor], numbers: dict[str, Tensor], like: Share) -> Tensor:
        def network(*given: Tensor) -> Tensor:
            predicted: Tensor = functional_call(model, parameters, given)
            return predicted

        share = replace(like, **numbers)  # type: ignore[type-var]  # a share is a dataclass
        return share.loss(network, rows=slice(None))

    together = torch.vmap(alone, in_dims=(0, 0, None))
    if train.compile == "block":
        together = torch.compile(together, dynamic=False)

    def losses(parameters: dict[str, Tensor], shares: list[Share]) -> Tensor:
        device = next(iter(parameters.values())).device
        numbers = {
            name: moved(tensor, device=device.type) for name, tensor in stacked(shares).items()
        }
        with products(train, device=device), by_torch():
            return together(parameters, numbers, shares[0])

    return losses


def stacked(shares: list[Share]) -> dict[str, Tensor]:
    """The tensors of shares, one row each. All else is equal in shares of one pack."""

    def of(share: Share, *, kind: str) -> dict[str, Any]:
        named = {field.name: getattr(share, field.name) for field in fields(share)}  # type: ignore[arg-type]
        return {
            name: value
            for name, value in named.items()
            if isinstance(value, Tensor) == (kind == "tensors")
        }

    told = [of(share, kind="others") for share in shares]
    assert all(other == told[0] for other in told), "shares of one pack differ beside their tensors"
    tensors = [of(share, kind="tensors") for share in shares]
    return {name: torch.stack([own[name] for own in tensors]) for name in tensors[0]}
