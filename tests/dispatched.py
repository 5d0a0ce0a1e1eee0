"""What PyTorch's dispatcher sees of a computation: operations, and the bytes that they read and
write."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward", "multiplied"}


class Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts all operations but views, and the bytes of those that are neither products nor
    attention."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        read, made = tensors((args, kwargs or {})), tensors(out)
        known = {tensor.untyped_storage()._cdata for tensor in read}
        mutable = func._schema.is_mutable
        if not mutable and all(tensor.untyped_storage()._cdata in known for tensor in made):
            return out
        self.operations += 1
        name = func._schema.name.split("::")[1]
        if name not in PRODUCTS and "attention" not in name:
            written = made[:1] if mutable else made
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in read + written)
        return out


def tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
