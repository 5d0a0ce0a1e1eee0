"""How torch computes in a process that trains: on how many threads, and whether by kernels that
give the same bits every time."""

import os
from typing import Literal

__all__ = ["Arithmetic", "prepare"]

Arithmetic = Literal["fast", "deterministic"]
"""`fast`: torch chooses the kernels; some on GPUs add in the order in which their threads arrive.
`deterministic`: only kernels whose order is fixed."""


def prepare(*, threads: int, arithmetic: Arithmetic) -> None:
    """Set up this process, before its first product on a GPU."""
    import torch  # seconds: only where something is computed

    torch.set_num_threads(threads)
    if arithmetic == "deterministic":
        # read when cuBLAS starts in this process; without it, torch refuses products
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        torch.use_deterministic_algorithms(True)
        # filling what is not yet written costs time and changes no result
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
