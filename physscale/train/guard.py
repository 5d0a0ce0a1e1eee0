"""What keeps a step whose loss or gradient is not finite from changing anything, without the host
waiting for the device at every step.

A GPU works behind the host. To ask whether a loss is finite would make the host wait until the step
is done, and the GPU then for the host. So the answer stays on the device as a number, 1 or 0, by
which the update is multiplied. Once it is 0 it stays 0, and the host learns of it when it next
reads results. On a CPU the host learns of it at once."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.records.errors import Diverged

__all__ = ["Guard", "admitted"]


@dataclass
class Guard:
    """`record` [3], float64: step, loss and gradient norm of the newest step, or of the first that
    was not finite. `reads`: when the host does."""

    device: str
    reads: Literal["every step", "when asked"]
    record: Float[Tensor, " 3"] = field(init=False)

    def __post_init__(self) -> None:
        self.record = torch.zeros(3, dtype=torch.float64, device=self.device)

    @staticmethod
    def on(device: str) -> "Guard":
        return Guard(device, reads="every step" if device == "cpu" else "when asked")

    def admit(
        self, *, step: int, loss: Float[Tensor, ""], gradient_norm: Float[Tensor, ""]
    ) -> Float[Tensor, ""]:
        """1.0 on the device if this step and all before it are finite, else 0.0.

        Raises:
            Diverged: when the host reads every step, for one that is not finite.
        """
        newest = torch.stack(
            (torch.full_like(self.record[0], step), loss.double(), gradient_norm.double())
        )
        self.record = admitted(self.record, newest)
        self.read()
        return self.record.isfinite().all().float()

    @property
    def finite_steps(self) -> int:
        """How many steps came before the first that was not finite. Waits for the device."""
        return int(self.record[0])

    def read(self) -> None:
        """Check where the host reads every step. Raises Diverged."""
        if self.reads == "every step":
            self.check()

    def check(self) -> None:
        """Wait for the device and read.

        Raises:
            Diverged: for the first step that was not finite. Since then nothing has changed.
        """
        if not bool(self.record.isfinite().all()):
            step, loss, norm = self.record.tolist()
            raise Diverged(f"step {step:.0f}: loss {loss}, gradient norm {norm}")


def admitted(record: Float[Tensor, "*runs 3"], newest: Float[Tensor, "*runs 3"]) -> Tensor:
    """The record after a step: the newest, or the first that was not finite."""
    return torch.where(record.isfinite().all(dim=-1, keepdim=True), newest, record)
