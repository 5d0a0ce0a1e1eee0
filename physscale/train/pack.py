"""Runs of one shape that train as one program, each in a thread of its own.

A small model leaves most of a GPU idle: starting its operations takes longer than computing them.
The members of a pack start theirs together (`train/packed.py`), and share the latents that they
learn from where those are equal. Each keeps its own history, checkpoints and end, and runs the code
of a run that trains alone.

One thread works at a time. A member holds the turn from its beginning to its end and hands it on
only while it waits for the others' shares. So members never draw, save or sample at the same
moment, and never need the same memory."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from physscale.train.spec import TrainSpec

if TYPE_CHECKING:
    from physscale.flow.objective import Share
    from physscale.train.packed import Packed
    from physscale.train.step import StepResult, TrainState

__all__ = ["Pack", "Seat"]

Made = TypeVar("Made")


class Pack:
    """`seats` runs. A step begins once every member that has not left has brought its share."""

    def __init__(self, *, seats: int) -> None:
        self.seats = seats
        self._shared: dict[Hashable, Any] = {}
        self._turn = threading.Condition()
        self._left = 0
        self._packed: Packed | None = None
        self._shares: dict[int, Share] = {}
        self._done: dict[int, StepResult] = {}
        self._error: BaseException | None = None

    @contextmanager
    def seat(self, number: int) -> Iterator["Seat"]:
        """This thread's turn, from now until the member leaves."""
        with self._turn:
            try:
                yield Seat(self, number)
            finally:
                self._left += 1
                self._turn.notify_all()

    def shared(self, key: Hashable, *, make: Callable[[], Made]) -> Made:
        """What the first member that asks for it makes, for all of them."""
        if key not in self._shared:
            self._shared[key] = make()
        made: Made = self._shared[key]
        return made

    def learn(self, number: int, share: "Share") -> "StepResult":
        """One step of this member, taken when all others are ready for theirs.

        Raises:
            Exception: in every member, what the step of all raised.
        """
        self._shares[number] = share
        while number not in self._done and self._error is None:
            if len(self._shares) == self.seats - self._left:
                self._step()
            else:
                self._turn.wait()
        if self._error is not None:
            raise self._error
        return self._done.pop(number)

    def enter(self, number: int, state: "TrainState", *, train: TrainSpec) -> None:
        """This member's weights move into the pack's vectors."""
        from physscale.train.packed import Packed  # torch: only where something is trained

        if self._packed is None:
            self._packed = Packed.of(state, train=train, seats=self.seats)
        self._packed.enter(number, state, train=train)

    def _step(self) -> None:
        assert self._packed is not None, "a share comes from a member that has entered"
        shares, self._shares = self._shares, {}
        try:
            self._done |= self._packed.learn(shares)
        except BaseException as error:
            self._error = error
        self._turn.notify_all()


class Seat:
    """A member's place in its pack."""

    def __init__(self, pack: Pack, number: int) -> None:
        self._pack, self._number = pack, number

    @property
    def members(self) -> int:
        """How many runs the pack began with."""
        return self._pack.seats

    def shared(self, key: Hashable, *, make: Callable[[], Made]) -> Made:
        """As `Pack.shared`."""
        return self._pack.shared(key, make=make)

    def enter(
        self, state: "TrainState", *, train: TrainSpec
    ) -> "Callable[[TrainState, Share], StepResult]":
        """Moves the weights of a state into the pack; what takes its steps from then on."""
        self._pack.enter(self._number, state, train=train)

        def learn(state: "TrainState", share: "Share") -> "StepResult":
            taken = self._pack.learn(self._number, share)
            state.guard.read()
            state.losses[state.step] = taken.loss
            state.step += 1
            return taken

        return learn
