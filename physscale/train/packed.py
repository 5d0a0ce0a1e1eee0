"""One step of several models of one shape, as one program: one forward and backward pass
(`train/packed_losses.py`) and one update of all of them.

The vectors of a pack are [seats, total]; each row is laid out as in `train/flat.py` and belongs to
one member, whose state holds views of it. Rates, steps and averages are columns [seats, 1]. Every
operation keeps the rows apart, so a member's numbers do not depend on the others'. They differ by
rounding from those of the member alone. A row without a member, or whose member has left, is
computed with and changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.objective import Share
from physscale.train.ema import new_share
from physscale.train.flat import Layout, layout_of
from physscale.train.guard import admitted
from physscale.train.optim import ADAM_BETA_1, ADAM_EPSILON, MUON_MOMENTUM, muon_rate, narrow
from physscale.train.orthogonal import orthogonalise
from physscale.train.packed_losses import losses_function
from physscale.train.prefetch import moved
from physscale.train.spec import TrainSpec, learning_rate_factor
from physscale.train.step import StepResult, TrainState
from physscale.train.weights import WholeWeights
from physscale.train.wrap import as_computed_on

__all__ = ["Packed"]


@dataclass(frozen=True)
class Member:
    """A run in the pack, with its own rates."""

    state: TrainState
    train: TrainSpec


@dataclass(frozen=True)
class Columns:
    """A step's numbers of each row, [seats, 1] on the device: 1 if a member takes the step, else 0;
    its number, counted from 1; the learning rates; how much of the values joins the average."""

    present: Float[Tensor, "seats 1"]
    step: Float[Tensor, "seats 1"]
    adam_rate: Float[Tensor, "seats 1"]
    muon_rate: Float[Tensor, "seats 1"]
    new_share: Float[Tensor, "seats 1"]


@dataclass(frozen=True)
class Packed:
    """The weights of all members, [seats, total] each, and what computes their losses.

    Attributes:
        train: of the first member; the others' differs in rates and number of steps only.
        multiples: of AdamW's rate, by parameter (muP).
        record: of `train/guard.py`, by row.
    """

    train: TrainSpec
    layout: Layout
    losses_of: Callable[[dict[str, Tensor], list[Share]], Float[Tensor, " seats"]]
    values: Float[Tensor, "seats total"]
    gradients: Float[Tensor, "seats total"]
    first: Float[Tensor, "seats total"]
    second: Float[Tensor, "seats total"]
    average: Float[Tensor, "seats total"]
    multiples: Float[Tensor, " total"]
    record: Float[Tensor, "seats 3"]
    members: dict[int, Member]

    @staticmethod
    def of(state: TrainState, *, train: TrainSpec, seats: int) -> "Packed":
        """Room for `seats` trainings like this one."""
        weights = state.weights
        assert isinstance(weights, WholeWeights), "a pack has one device"
        device, layout = weights.flat.values.device, layout_of(state.model)
        model = state.spec.build(state.model.shape).to(device)
        multiples = torch.ones(layout.total, device=device)
        for part, multiple in weights.optimiser.stretches:
            multiples[part] = multiple
        values, gradients, first, second, average = torch.zeros(
            5, seats, layout.total, device=device
        )
        return Packed(
            train,
            layout,
            losses_function(model, train=as_computed_on(device.type, train=train)),
            values=values,
            gradients=gradients,
            first=first,
            second=second,
            average=average,
            multiples=multiples,
            record=torch.zeros(seats, 3, dtype=torch.float64, device=device),
            members={},
        )

    def enter(self, number: int, state: TrainState, *, train: TrainSpec) -> None:
        """A member's weights become views of this row, with their present values."""
        weights = state.weights
        assert isinstance(weights, WholeWeights), "a pack has one device"
        own = (weights.flat.values, weights.optimiser.first, weights.optimiser.second, weights.ema)
        rows = [every[number] for every in (self.values, self.first, self.second, self.average)]
        for row, vector in zip(rows, own, strict=True):
            row.copy_(vector)
        values, first, second, average = rows
        flat = replace(weights.flat, values=values, gradients=self.gradients[number])
        optimiser = replace(weights.optimiser, flat=flat, first=first, second=second)
        state.weights = replace(weights, flat=flat, optimiser=optimiser, ema=average)
        state.guard.record = self.record[number]
        self.members[number] = Member(state, train)

    def learn(self, shares: Mapping[int, Share]) -> dict[int, StepResult]:
        """One step of each member that brings a share; by its number."""
        substitute = next(iter(shares.values()))
        every = [shares.get(row, substitute) for row in range(len(self.values))]
        losses = self._backward(every)
        norms = torch.linalg.vector_norm(self.gradients, dim=1)
        columns = self._columns(shares)
        newest = torch.stack((columns.step[:, 0].double() - 1, losses.double(), norms.double()), 1)
        self.record.copy_(admitted(self.record, newest))
        alive = columns.present * self.record.isfinite().all(dim=1, keepdim=True)
        clipped = (self.train.clip_norm / norms.double()).clamp(max=1).float().unsqueeze(1)
        self.gradients.mul_(torch.where(alive > 0, clipped, 0)).nan_to_num_(0, 0, 0)
        self._update(columns, alive=alive)
        return {row: StepResult(losses[row], norms[row]) for row in shares}

    def _backward(self, shares: list[Share]) -> Float[Tensor, " seats"]:
        """The losses of all rows; their gradients are in `gradients` afterwards."""
        named = self.layout.named(self.values)
        leaves = {name: value.detach().requires_grad_() for name, value in named.items()}
        losses = self.losses_of(leaves, shares)
        gradients = torch.autograd.grad(losses.sum(), list(leaves.values()), materialize_grads=True)
        for row, gradient in zip(
            self.layout.named(self.gradients).values(), gradients, strict=True
        ):
            row.copy_(gradient)
        return losses.detach()

    def _columns(self, shares: Mapping[int, Share]) -> Columns:
        numbers = torch.zeros(len(fields(Columns)), len(self.values), 1)
        numbers[1] = 1  # a first step, where there is none
        for row in shares:
            state, train = self.members[row].state, self.members[row].train
            factor = learning_rate_factor(train, step=state.step)
            numbers[:, row, 0] = torch.tensor(
                [
                    1.0,
                    state.step + 1,
                    factor * train.learning_rate,
                    factor * train.muon_learning_rate,
                    new_share(state.step, decay=train.ema_decay),
                ]
            )
        return Columns(*moved(numbers, device=self.values.device.type))

    def _update(self, columns: Columns, *, alive: Float[Tensor, "seats 1"]) -> None:
        start = self.layout.rest.start if self.train.optimiser == "muon" else 0
        self._adamw(slice(start, self.layout.total), columns=columns, alive=alive)
        if self.train.optimiser == "muon":
            self._muon(slice(0, start), rate=columns.muon_rate, alive=alive)
        self.average.lerp_(self.values, alive * columns.new_share)

    def _adamw(self, part: slice, *, columns: Columns, alive: Float[Tensor, "seats 1"]) -> None:
        """AdamW as `train/optim.py` has it, each row with its own rate and step."""
        beta_1, beta_2 = ADAM_BETA_1, self.train.adam_beta_2
        values, gradients = self.values[:, part], self.gradients[:, part]
        first, second = self.first[:, part], self.second[:, part]
        first.lerp_(gradients, alive * (1 - beta_1))
        second.lerp_(gradients.square(), alive * (1 - beta_2))
        unbiased_1, unbiased_2 = 1 - beta_1**columns.step, 1 - beta_2**columns.step
        values.mul_(1 - alive * columns.adam_rate * self.train.weight_decay)
        rate = alive * columns.adam_rate / unbiased_1 * self.multiples[part]
        values.addcdiv_(first * -rate, (second / unbiased_2).sqrt().add_(ADAM_EPSILON))

    def _muon(
        self, part: slice, *, rate: Float[Tensor, "seats 1"], alive: Float[Tensor, "seats 1"]
    ) -> None:
        """Muon as `train/optim.py` has it, the matrices of one shape of all rows in one stack."""
        values, gradients, momentum = (
            vector[:, part] for vector in (self.values, self.gradients, self.first)
        )
        momentum.lerp_(gradients, alive * (1 - MUON_MOMENTUM))
        nesterov = gradients.lerp(momentum, MUON_MOMENTUM)
        values.mul_(1 - alive * rate * self.train.weight_decay)
        as_narrow = narrow(self.train, device=values.device)
        for stack in self.layout.stacks:
            matrices = stack.of(nesterov)
            directions = orthogonalise(matrices.flatten(0, 1), narrow=as_narrow).view_as(matrices)
            moves = muon_rate(stack.rows, stack.columns, rate=1.0) * alive * rate
            stack.of(self.values).sub_(directions * moves.view(-1, 1, 1, 1))
