"""What a device does in a second: products, attention, bytes, operations. Named cards have it from
their makers' data sheets; the machine at hand is measured by `physscale calibrate-device`."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.given_file import read_given
from physscale.records.json_value import parsed
from physscale.records.spec import from_plain
from physscale.scheduling.gpus import Device
from physscale.scheduling.resources import Machine

__all__ = ["CARDS", "DEVICE_FILE", "Card", "Products", "Rates", "card", "read_rates", "sharing"]

DEVICE_FILE = "device.json"
"""Where `physscale calibrate-device` writes, in the folder of the results."""

SUSTAINED = 0.7
"""Share of a card's peak that products of matrices 1,000 wide reach; a search over shapes finds 0.6
to 0.85 at best (github.com/stas00/ml-engineering, compute/accelerator)."""

ATTENTION = 0.4
"""The same for attention, forward and backward, heads 64 wide: 0.3 to 0.7 (arXiv 2307.08691)."""

CONVOLUTION = 0.5
"""The same for convolutions; in float32, of the peak in TF32 (PyTorch's default for them)."""

STREAMED = 0.8
"""Share of a card's bandwidth that one operation after another reaches."""

OPERATION_S = 8e-6
"""Seconds in which a host starts an operation, autograd's bookkeeping included. Assumed: the
processor decides it and no data sheet says it."""

WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, kw_only=True)
class Products:
    """FLOP/s in one precision.

    Attributes:
        by_width: of products of many rows with matrices this wide and four times as high,
            ascending.
        attention: forward and backward, its FLOPs counted three times those of the forward pass.
        convolutions: 3 x 3 on 128 channels.
    """

    by_width: tuple[tuple[int, float], ...]
    attention: float
    convolutions: float

    def at(self, width: int) -> float:
        """Interpolated over both logarithms; beyond the ends, as at the ends."""
        widths, rates = zip(*self.by_width, strict=True)
        return math.exp(float(np.interp(math.log(width), np.log(widths), np.log(rates))))


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a device does in a second.

    Attributes:
        kind: on a `cuda` device the host starts operations while others run; on a `cpu` it does
            both in turn.
        bf16: None where the device has no bfloat16.
        bytes_per_s: read and written by pointwise operations and norms.
        operation_s: in which the host starts one.
        memory_bytes: of the device.
        link_bytes_per_s: to its neighbours on the same node, in one direction.
    """

    name: str
    kind: Device
    fp32: Products
    bf16: Products | None
    bytes_per_s: float
    operation_s: float
    memory_bytes: int
    link_bytes_per_s: float

    def products(self, precision: Literal["fp32", "bf16"]) -> Products:
        """Raises UserError for bfloat16 on a device without it."""
        if precision == "fp32":
            return self.fp32
        if self.bf16 is None:
            raise UserError(
                f"device {self.name}: it has no bfloat16; set train.precision=fp32, or choose "
                "another device"
            )
        return self.bf16


@dataclass(frozen=True)
class Card:
    """A data sheet: peaks in TFLOP/s without sparsity, TF32 and bfloat16 with 32-bit sums (0: it
    has none), and memory in GB, GB/s, GB/s of its link in one direction."""

    fp32: float
    tf32: float
    bf16: float
    memory_gb: float
    gb_per_s: float
    link_gb_per_s: float

    def rates(self, name: str) -> Rates:
        """Narrow products are bound by bandwidth: a product with a matrix d wide moves 2 numbers
        for 2 d operations. Float32 is the CUDA cores' own, for PyTorch leaves TF32 off."""
        bandwidth = STREAMED * 1e9 * self.gb_per_s
        bf16 = (
            _products(self.bf16, convolutions=self.bf16, number_bytes=2, bandwidth=bandwidth)
            if self.bf16
            else None
        )
        return Rates(
            name=name,
            kind="cuda",
            fp32=_products(
                self.fp32,
                convolutions=self.tf32 or self.fp32,
                number_bytes=4,
                bandwidth=bandwidth,
            ),
            bf16=bf16,
            bytes_per_s=bandwidth,
            operation_s=OPERATION_S,
            memory_bytes=round(1e9 * self.memory_gb),
            link_bytes_per_s=1e9 * self.link_gb_per_s,
        )


def _products(peak: float, *, convolutions: float, number_bytes: int, bandwidth: float) -> Products:
    by_width = tuple(
        (width, min(SUSTAINED * 1e12 * peak, bandwidth * width / number_bytes)) for width in WIDTHS
    )
    return Products(
        by_width=by_width,
        attention=ATTENTION * 1e12 * peak,
        convolutions=CONVOLUTION * 1e12 * convolutions,
    )


CARDS = {
    "t4": Card(8.1, 0, 0, 16, 320, 16),  # nvidia.com: t4-tensor-core-datasheet
    "a10": Card(31.2, 62.5, 125, 24, 600, 32),  # a10-datasheet
    "l4": Card(30.3, 60, 121, 24, 300, 32),  # l4-datasheet; TF32 and bfloat16 halved: sparse there
    "l40s": Card(91.6, 183, 362, 48, 864, 32),  # l40s-datasheet
    "rtx3090": Card(35.6, 35.6, 71, 24, 936, 32),  # ampere-ga-102 whitepaper, table 9
    "rtx4090": Card(82.6, 82.6, 165, 24, 1008, 32),  # ada whitepaper, appendix A
    "a100-40gb": Card(19.5, 156, 312, 40, 1555, 300),  # a100-datasheet, SXM
    "a100": Card(19.5, 156, 312, 80, 2039, 300),  # a100-80gb-datasheet, SXM
    "h100": Card(67, 494, 989, 80, 3350, 450),  # h100-datasheet, SXM; halved: sparse there
    "h200": Card(67, 494, 989, 141, 4800, 450),  # h200-datasheet, SXM
    "b200": Card(75, 1125, 2250, 180, 8000, 900),  # hgx-b200-datasheet, an eighth of a node
    "mi300x": Card(163.4, 653.7, 1307.4, 192, 5300, 448),  # amd.com: mi300x-data-sheet
}
"""V100 is not here: it has no bfloat16, and CUDA 13 has left it."""


def card(name: str) -> Rates:
    """A named card.

    Raises:
        UserError: for one that is not in the table.
    """
    if name.lower() not in CARDS:
        raise UserError(f"device {name[:40]!r}: there are {', '.join(CARDS)}")
    return CARDS[name.lower()].rates(name.lower())


def read_rates(path: Path) -> Rates:
    """What `physscale calibrate-device` wrote.

    Raises:
        UserError: for a file that is missing or is not one of its.
    """
    again = "write it with physscale calibrate-device"
    try:
        return from_plain(Rates, parsed(read_given(path, what="device", remedy=again)))
    except (ValueError, TypeError) as error:
        raise UserError(f"device {path}: not a calibration; {again}") from error


def sharing(machine: Machine, *, workers: int) -> int:
    """How many runs of one worker, or workers of runs of several, share a GPU."""
    part = machine.run_gpus if workers == 1 else machine.worker_gpus
    return int(1 / part) if 0 < part < 1 else 1
