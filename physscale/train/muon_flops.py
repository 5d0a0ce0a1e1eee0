"""Floating-point operations of Muon's own products (read without torch)."""

from collections import Counter
from collections.abc import Iterable

__all__ = ["NEWTON_SCHULZ_ROUNDS", "muon_flops"]

NEWTON_SCHULZ_ROUNDS = 4


def muon_flops(
    matrices: Iterable[tuple[int, int]], *, workers: int = 1, narrow: bool = False
) -> int:
    """Of one step on the busiest of so many workers: what `train.orthogonal.orthogonalise` does to
    matrices of these rows and columns. `narrow`: in bfloat16, as on a GPU with
    `precision="bf16"`.

    With m the smaller side and n the larger, R rounds take in float32 2 (2 m^2 n) for the Gram
    matrix and the last product, and 2 m^3 for each of R factors, R - 1 products and 2 (R - 1) Gram
    matrices; in bfloat16 2 (2 m^2 n) + 2 m^3 a round. A worker does ceil(count / workers) matrices
    of each shape."""
    rounds, total = NEWTON_SCHULZ_ROUNDS, 0
    for (rows, columns), count in Counter(matrices).items():
        m, n = sorted((rows, columns))
        if narrow:
            each = rounds * (4 * m * m * n + 2 * m**3)
        else:
            each = 4 * m * m * n + (4 * rounds - 3) * 2 * m**3
        total += -(-count // workers) * each
    return total
