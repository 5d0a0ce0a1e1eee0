"""Measures what the device at hand does in a second (`study/devices.py`).

On a processor, time is the process's own divided by its threads, which other programs do not
change. Each measurement is the best of as many turns as fit into `turns_s`, after one to warm
up."""

import os
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import conv2d, gelu

from physscale.model.dit_block import Block, normalise
from physscale.model.dit_cost import work
from physscale.model.dit_spec import DiTSpec
from physscale.model.on_cpu import Linear, attend
from physscale.records.latent_shape import BackboneShape
from physscale.scheduling.gpus import Device
from physscale.study.devices import WIDTHS, Products, Rates
from physscale.study.environment import processor

__all__ = ["POINTWISE_BYTES", "Calibration", "pointwise"]

TURNS_S = 1.0
NUMBERS, FEWEST_ROWS = {"cpu": 2**17, "cuda": 2**26}, 512
"""Of the input of a product: so many that starting its operations takes no part of the time."""

VIDEOS = {"cpu": 1, "cuda": 16}
"""Of attention, convolutions and pointwise operations: enough of them to fill the device."""

HEADS, TOKENS, HEAD_WIDTH = 6, 2048, 64
"""Of attention: those of S at 128 px."""

CHANNELS, SIDE_PX = 128, 128
"""Of convolutions."""

POINTWISE_BYTES = 140
"""Read and written by `pointwise` per number of its input, forward and backward, as PyTorch's
dispatcher counts them."""


class Calibration:
    """The measurements one by one, so that a caller can show how far they are.

    Attributes:
        rates: after the last one.
    """

    COUNT = 2 * (len(WIDTHS) + 1) + 3

    rates: Rates

    def __init__(self, *, device: Device, threads: int, turns_s: float = TURNS_S) -> None:
        self.device, self.threads, self.turns_s = device, threads, turns_s
        torch.set_num_threads(threads)

    def measure(self) -> Iterator[str]:
        """Yields what is measured next."""
        products: dict[torch.dtype, Products] = {}
        for dtype in (torch.float32, torch.bfloat16):
            name, by_width = str(dtype).removeprefix("torch."), []
            for width in WIDTHS:
                yield f"{name} products, width {width}"
                by_width.append((width, self._products(width, dtype=dtype)))
            yield f"{name} attention and convolutions"
            products[dtype] = Products(
                by_width=tuple(by_width),
                attention=self._attention(dtype=dtype),
                convolutions=self._convolutions(dtype=dtype),
            )
        yield "pointwise operations"
        bytes_per_s = self._bytes()
        yield "small operations"
        operation_s = self._operation_s()
        yield "copies"
        cuda = self.device == "cuda"
        self.rates = Rates(
            name=torch.cuda.get_device_name() if cuda else processor(),
            kind=self.device,
            fp32=products[torch.float32],
            bf16=products[torch.bfloat16],
            bytes_per_s=bytes_per_s,
            operation_s=operation_s,
            memory_bytes=torch.cuda.get_device_properties(0).total_memory if cuda else _memory(),
            link_bytes_per_s=self._link(),
        )

    def _products(self, width: int, *, dtype: torch.dtype) -> float:
        rows, wide = max(FEWEST_ROWS, NUMBERS[self.device] // width), 4 * width
        layer = Linear(width, wide).to(self.device)
        x = torch.randn(rows, width, device=self.device, requires_grad=True)
        away = torch.randn(rows, wide, device=self.device).to(dtype)

        def turn() -> None:
            with torch.autocast(self.device, dtype=dtype, enabled=dtype == torch.bfloat16):
                made = layer(x)
            torch.autograd.backward(made, away)

        return 3 * 2 * rows * width * wide / self._seconds(turn)

    def _attention(self, *, dtype: torch.dtype) -> float:
        videos = VIDEOS[self.device]
        shape = (videos, HEADS, TOKENS, HEAD_WIDTH)
        q, k, v = (
            torch.randn(shape, device=self.device, dtype=dtype, requires_grad=True) for _ in "qkv"
        )
        away = torch.randn(shape, device=self.device, dtype=dtype)
        flops = 3 * 4 * videos * HEADS * TOKENS**2 * HEAD_WIDTH
        return flops / self._seconds(lambda: torch.autograd.backward(attend(q, k, v), away))

    @torch.no_grad()
    def _convolutions(self, *, dtype: torch.dtype) -> float:
        videos, device = VIDEOS[self.device], self.device
        x = torch.randn(videos, CHANNELS, SIDE_PX, SIDE_PX, device=device).to(dtype)
        weight = torch.randn(CHANNELS, CHANNELS, 3, 3, device=device).to(dtype)
        flops = 2 * videos * 9 * CHANNELS**2 * SIDE_PX**2
        return flops / self._seconds(lambda: conv2d(x, weight, padding=1))

    def _bytes(self) -> float:
        x = torch.randn(VIDEOS[self.device], TOKENS, HEADS * HEAD_WIDTH, device=self.device)
        x.requires_grad_()
        three = [
            torch.randn(len(x), 1, x.shape[-1], device=self.device, requires_grad=True)
            for _ in range(3)
        ]
        away = torch.randn_like(x)
        seconds = self._seconds(lambda: torch.autograd.backward(pointwise(x, three), away))
        return POINTWISE_BYTES * x.numel() / seconds

    def _operation_s(self) -> float:
        """A block so small that nothing but starting its operations takes time."""
        spec, shape = (
            DiTSpec(8, depth=1, heads=1),
            BackboneShape(frames=4, inputs=1, channels=1, height=1, width=1),
        )
        two, one = (
            work(DiTSpec(8, depth=depth, heads=1), shape=shape, videos=1, autocast="none")
            for depth in (2, 1)
        )
        block = Block(spec).to(self.device)
        x = torch.randn(1, 4, 8, device=self.device, requires_grad=True)
        six = tuple(torch.randn(1, 1, 8, device=self.device, requires_grad=True) for _ in range(6))
        cos, sin = torch.randn(2, 4, 8, device=self.device)
        away = torch.randn_like(x)
        seconds = self._seconds(
            lambda: torch.autograd.backward(block(x, six, cos=cos, sin=sin), away)
        )
        return seconds / (two.operations - one.operations)

    @torch.no_grad()
    def _link(self) -> float:
        """To the second card; where there is none, within the device."""
        several = self.device == "cuda" and torch.cuda.device_count() > 1
        x = torch.empty(2**24, device=self.device)
        there = torch.empty_like(x, device="cuda:1" if several else self.device)
        return 4 * x.numel() / self._seconds(lambda: there.copy_(x))

    def _seconds(self, turn: Callable[[], object]) -> float:
        """Of the best turn."""
        begun_s, best_s = time.perf_counter(), float("inf")
        turn()
        while best_s == float("inf") or time.perf_counter() - begun_s < self.turns_s:
            before_s = self._now_s()
            turn()
            best_s = min(best_s, self._now_s() - before_s)
        return best_s

    def _now_s(self) -> float:
        if self.device == "cpu":
            return time.process_time() / self.threads
        torch.cuda.synchronize()
        return time.perf_counter()


def pointwise(x: Tensor, three: list[Tensor]) -> Tensor:
    """What stands between the products of a block."""
    shift, scale, gate = three
    return torch.addcmul(x, gate, gelu(normalise(x, shift=shift, scale=scale)))


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
