"""A copy of a training's tensors on the host, taken while the training stands still and written
while it goes on."""

import torch
from torch import Tensor

from physscale.train.stored import Tensors

__all__ = ["Snapshot"]


class Snapshot:
    """Memory on the host for one copy. It is allocated by the first copy and used again by every
    later one; beside a GPU it is page-locked, so that the copy runs at the bus's full rate."""

    def __init__(self) -> None:
        self._buffer: Tensor | None = None
        self._copied: torch.cuda.Event | None = None

    def take(self, tensors: Tensors) -> dict[str, dict[str, Tensor]]:
        """The same tensors as views into this memory. Beside a GPU they are valid after `wait`;
        what the GPU does next does not change them."""
        every = [tensor for named in tensors.values() for tensor in named.values()]
        on_gpu = any(tensor.is_cuda for tensor in every)
        size = sum(tensor.numel() for tensor in every)
        if self._buffer is None:
            assert {tensor.dtype for tensor in every} == {torch.float32}
            self._buffer = torch.empty(size, pin_memory=on_gpu)
        assert len(self._buffer) == size, "a training's tensors keep their sizes"
        rest = iter(torch.split(self._buffer, [tensor.numel() for tensor in every]))
        copied = {
            kind: {
                name: next(rest).view(tensor.shape).copy_(tensor, non_blocking=on_gpu)
                for name, tensor in named.items()
            }
            for kind, named in tensors.items()
        }
        if on_gpu:
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()
        return copied

    def wait(self) -> None:
        """Until the last copy has arrived. A thread that waits holds up no other."""
        if self._copied is not None:
            self._copied.synchronize()
