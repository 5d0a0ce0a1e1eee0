"""How fast this device multiplies large matrices: the reference for a training's own products (MFU,
arXiv 2204.02311).

A vendor's figure assumes a clock that a busy device does not hold. This one is measured here, once,
in the training's own precision."""

import time

import torch

REPEATS = 5
SIDE = {"cpu": 1024, "cuda": 8192}


@torch.no_grad()
def product_flops_per_s(device: str, *, dtype: torch.dtype) -> float:
    """The best of a few square products on all threads of this process, after one to warm up."""
    side = SIDE[device]
    a = torch.randn(side, side, device=device).to(dtype)
    best_s = float("inf")
    for turn in range(REPEATS + 1):
        _settled(device)
        begun_s = time.perf_counter()
        a @ a
        _settled(device)
        best_s = min(best_s, time.perf_counter() - begun_s) if turn else best_s
    return 2 * side**3 / best_s


def _settled(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
