"""Memory of a training step of the video VAE by formula, without torch; the tests compare it with a
count of torch's own tensors.

A pass keeps what the backward pass needs. Of each normed convolution: the norm's input and output
in float32, and the convolution's input in the precision of the products. With recomputation a layer
keeps its input, and one layer at a time all the rest. The perceptual distance is not counted."""

from typing import NamedTuple

from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_flops import parameters
from physscale.codec.vae_layers import TAPS, Layer, decoder, encoder
from physscale.codec.vae_spec import VaeSpec

__all__ = ["training_memory"]

FLOAT = 4
HALF = 2
WEIGHTS = 12
"""Bytes per parameter: value and two moments; its gradient is counted where it is there."""

UPDATE = 8
"""The same of an update, after all activations are freed: gradient, and the optimiser's root or
the workers' message."""

DISCRIMINATED = 2 * (32 / 4 + 64 / 16 + 128 / 64)
"""Numbers per pixel that both discriminators keep: what goes into each rectifier."""


class _Kept(NamedTuple):
    """Bytes of one layer: what goes in, what it keeps (its input among it, where it keeps that as
    it is), whether it does, and what is allocated beyond that while it runs again or back."""

    entering: float
    kept: float
    keeps_entering: bool
    passing: float
    runs_again: bool = True


def training_memory(spec: VaeSpec, training: VaeTraining, *, size_px: int, workers: int = 1) -> int:
    """Bytes on one device at the fullest moment of a step."""
    clips = -(-training.batch // (workers * training.accumulate))
    bf16, again = training.precision == "bf16", training.recompute == "block"
    sizes = {"frames": training.frames, "size_px": size_px}
    layers = [*encoder(spec, **sizes), *decoder(spec, **sizes)]
    kept = [_kept(layer, product=HALF if bf16 else FLOAT) for layer in layers]
    counts = [parameters(layer) for layer in layers]
    count, video_px = sum(counts), training.frames * size_px**2
    ends = 3 * FLOAT * (3 if bf16 else 2) * video_px  # in float32 the first layer keeps the frames
    if training.adversary_weight:  # the last to run, and the first to be freed
        scores = FLOAT * DISCRIMINATED * video_px
        kept.append(_Kept(0, scores, keeps_entering=True, passing=scores, runs_again=False))
        counts.append(0)
    held, most = float(ends), 0.0
    learned = 0 if training.accumulate == 1 else count
    alive = []
    for layer in kept:
        alive.append(held + layer.kept + (0 if layer.keeps_entering else layer.entering) * again)
        held += layer.entering if again and layer.runs_again else layer.kept
    for layer, here, parameter_count in reversed(list(zip(kept, alive, counts, strict=True))):
        if training.accumulate == 1:
            learned += parameter_count
        most = max(most, clips * (here + layer.passing) + FLOAT * learned)
    if bf16 and not again:
        most += HALF * count
    return round(WEIGHTS * count + max(most, UPDATE * count))


def _kept(layer: Layer, *, product: int) -> _Kept:
    """Of one video; `product`: bytes of a number in the products."""
    entering = product * layer.inputs * layer.pixels
    leaving = product * layer.outputs * layer.pixels_out
    whole = product == FLOAT
    past = (layer.frames + TAPS - 1) / layer.frames
    normed = (2 * FLOAT + product) * layer.pixels
    kept: float
    match layer.kind:
        case "conv":
            return _Kept(entering, entering, keeps_entering=True, passing=leaving, runs_again=False)
        case "out":
            kept = normed * layer.inputs
            passing = (2 * FLOAT - product) * layer.inputs * layer.pixels
            return _Kept(entering, kept, keeps_entering=whole, passing=passing, runs_again=False)
        case "res":
            shortcut = not whole and layer.inputs != layer.outputs
            kept = normed * (layer.inputs + layer.outputs) + shortcut * entering
            kept += past * leaving if layer.back else 0
            passing = 2 * FLOAT * layer.outputs * layer.pixels + shortcut * leaving
            return _Kept(entering, kept, keeps_entering=whole or shortcut, passing=passing)
        case "attention":
            kept = FLOAT * layer.inputs * layer.pixels + 7 * entering
            return _Kept(entering, kept, keeps_entering=whole, passing=2 * entering)
        case "down":
            padded = entering * ((layer.size_px + 1) / layer.size_px) ** 2
            kept = padded * (past if layer.back else 1)
            return _Kept(entering, kept, keeps_entering=False, passing=entering)
        case "up":
            expanded = product * layer.inputs * layer.pixels_out // 4
            kept = expanded + leaving + (past * entering if layer.time_stride == 2 else 0)
            still = layer.time_stride == 1
            return _Kept(entering, kept, keeps_entering=still, passing=2 * leaving)
