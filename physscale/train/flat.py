"""All parameters of a model in one vector, and all gradients in another. An update, a norm or an
average over workers is then one operation.

The model's own parameters become views into these vectors, so forward and backward need no change.
Layout: Muon's matrices (`Backbone.matrices`) first, those of one shape side by side (a stack [n,
rows, columns] is a view), then all else."""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.model.backbone import Backbone

__all__ = ["FlatParameters", "Layout", "Stack", "flatten", "layout_of"]

ALIGNMENT = 16
"""Floats: each parameter begins on a cache line of 64 bytes."""


@dataclass(frozen=True)
class Stack:
    """Where `count` matrices of one shape lie in the vector, one after another."""

    start: int
    count: int
    rows: int
    columns: int

    def of(self, vector: Float[Tensor, "*runs total"]) -> Float[Tensor, "*runs count rows columns"]:
        size = self.count * self.rows * self.columns
        own = vector[..., self.start : self.start + size]
        return own.view(*vector.shape[:-1], self.count, self.rows, self.columns)


@dataclass(frozen=True)
class Layout:
    """Rows and columns of each parameter's matrices and their stacks; where all else begins; where
    each parameter lies; the vector's length."""

    matrices: dict[str, tuple[int, int]]
    stacks: tuple[Stack, ...]
    rest: slice
    places: dict[str, tuple[int, torch.Size]]
    total: int

    def named(self, vector: Float[Tensor, "*runs total"]) -> dict[str, Tensor]:
        """Vectors of this layout (values, an average, a moment) as the model's named tensors, views
        into them."""
        return {
            name: vector[..., start : start + shape.numel()].view(*vector.shape[:-1], *shape)
            for name, (start, shape) in self.places.items()
        }

    def stretches(
        self, numbers: dict[str, float], *, part: slice
    ) -> tuple[tuple[slice, float], ...]:
        """The ranges of this part of a vector in which neighbouring parameters have the same
        number, with the number."""
        ordered = sorted(
            (start, numbers[name])
            for name, (start, _) in self.places.items()
            if part.start <= start < part.stop
        )
        runs = [(next(group)[0], number) for number, group in groupby(ordered, key=itemgetter(1))]
        ends = [start for start, _ in runs[1:]] + [part.stop]
        return tuple(
            (slice(start, end), number) for (start, number), end in zip(runs, ends, strict=True)
        )


@dataclass(frozen=True)
class FlatParameters(Layout):
    """`values` and `gradients` [total] of all parameters."""

    values: Float[Tensor, " total"]
    gradients: Float[Tensor, " total"]


def layout_of(model: Backbone) -> Layout:
    """Where the model's parameters lie in one vector."""
    named, matrices = dict(model.named_parameters()), model.matrices()
    by_shape: dict[tuple[int, int], list[str]] = {}
    for name, shape in matrices.items():
        by_shape.setdefault(shape, []).append(name)

    places, stacks, end = {}, [], 0
    for (rows, columns), names in by_shape.items():
        start = end
        for name in names:
            places[name] = (end, named[name].shape)
            end += named[name].numel()
        stacks.append(
            Stack(start, count=(end - start) // (rows * columns), rows=rows, columns=columns)
        )
        end = aligned(end)
    first_other = end
    for name, parameter in named.items():
        if name not in places:
            places[name] = (end, parameter.shape)
            end = aligned(end + parameter.numel())
    return Layout(matrices, tuple(stacks), slice(first_other, end), places, end)


def flatten(model: Backbone) -> FlatParameters:
    """Move the model's parameters and gradients into two vectors; gradients add up there until they
    are zeroed."""
    named, layout = dict(model.named_parameters()), layout_of(model)
    device = next(model.parameters()).device
    values, gradients = (
        torch.zeros(layout.total, device=device),
        torch.zeros(layout.total, device=device),
    )
    for name, view in layout.named(values).items():
        named[name].data = view.copy_(named[name].data)
    for name, view in layout.named(gradients).items():
        named[name].grad = view
    return FlatParameters(
        layout.matrices, layout.stacks, layout.rest, layout.places, layout.total, values, gradients
    )


def aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT
