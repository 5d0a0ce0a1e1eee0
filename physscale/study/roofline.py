"""Seconds of a training step on a device, by formula (a roofline: doi 10.1145/1498765.1498785):

    device   products / their FLOP/s + attention / its FLOP/s + other bytes / bandwidth
    host     operations x seconds per operation; the noise that it draws
    link     bytes that the workers exchange / the slowest link between them

A host starts operations of a GPU while others run, and draws noise ahead of them in a thread of its
own. Gradients travel while the backward pass runs. So a step takes the largest of the three, and
what the backward pass does not hide of the link. A processor does all in turn. Products
are as fast as those with matrices of the backbone's width. Runs that share a GPU take turns. That
`train.compile` moves fewer bytes is not counted."""

from dataclasses import dataclass

from physscale.run.cost import backbone_shape, latent_shape
from physscale.run.spec import RunSpec
from physscale.study.devices import Rates
from physscale.train.muon_flops import muon_flops

__all__ = ["StepTime", "ring_bytes", "step_time"]

FLOAT = 4
HALF = 2

BACKWARD = 2 / 3
"""Of a pass, the part during which finished gradients travel."""

RECOMPUTED = 1 / 3
"""A forward pass once more: a third of a step's products, and about that of all else."""

PARAMETER_BYTES = 72
"""Per parameter and step, in float32: gradients zeroed (4), their norm (4) and clip (8), AdamW
(28), the average (12), the backward pass's sums into the gradients (16)."""

CAST_BYTES = 12
"""More in bfloat16: a copy of the matrix (6), a wide copy of its gradient (6)."""

HOST_NOISE_S = 15e-9
"""To draw a normal number on the host: 8.4 million in 128 ms, measured."""

DEVICE_NOISE_BYTES, DEVICE_NOISE_OPERATIONS = 1552, 353
"""Per normal number and per step, where the device draws (`flow/device_noise.py`)."""

OPTIMISER_OPERATIONS = 14
MUON_OPERATIONS = 18
"""Per shape of matrices."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """The parts of a step, in seconds; `total` knows which of them run side by side. `hidden_s` of
    `link_s` pass beside the device; `sharing` runs take turns on it."""

    products_s: float
    attention_s: float
    bytes_s: float
    optimiser_s: float
    host_s: float
    noise_s: float
    link_s: float
    hidden_s: float
    asynchronous: bool
    sharing: int = 1

    @property
    def device_s(self) -> float:
        return self.products_s + self.attention_s + self.bytes_s + self.optimiser_s

    @property
    def total(self) -> float:
        if self.asynchronous:
            own_s = max(self.sharing * self.device_s, self.host_s, self.noise_s)
            return own_s + self.link_s - self.hidden_s
        return self.device_s + self.host_s + self.noise_s + self.link_s

    @property
    def parts(self) -> str:
        """In words."""
        device = {
            "products": self.products_s,
            "attention": self.attention_s,
            "other bytes": self.bytes_s,
            "optimiser": self.optimiser_s,
        }
        said = " + ".join(f"{name} {_ms(part)}" for name, part in device.items())
        beside = "beside the host's" if self.asynchronous else "+ the host's"
        noise = f", its noise {_ms(self.noise_s)}" if self.noise_s else ""
        link = f" + link {_ms(self.link_s - self.hidden_s)}" if self.link_s else ""
        link += f" ({_ms(self.hidden_s)} hidden)" if self.hidden_s else ""
        return f"{_ms(self.total)} ms = {said} {beside} {_ms(self.host_s)}{noise}{link}"


def step_time(run: RunSpec, *, rates: Rates, link_bytes_per_s: float) -> StepTime:
    """Of a step of all the run's workers, each on a device of these rates.

    Raises:
        UserError: for bfloat16 on a device without it.
    """
    train, model, shape = run.train, run.model, backbone_shape(run)
    bf16 = train.precision == "bf16"
    rate, width = rates.products(train.precision), model.width
    latents, share = latent_shape(run), -(-train.batch // run.workers)
    numbers = share * latents.frames * latents.channels * latents.height * latents.width
    on_device = train.noise == "device"
    videos = share * run.objective.passes(latents)
    again = 1.0 if train.recompute == "none" else 1 + RECOMPUTED
    multiplied = 1.0 if train.recompute == "selective" else again
    work = model.work(shape, videos=videos, autocast=rates.kind if bf16 else "none")
    products = videos * model.training_flops(shape) - 3 * work.attention_flops
    count = model.parameters(shape)
    narrow = bf16 and rates.kind == "cuda"
    matrices = _matrices(run)
    orthogonal = muon_flops(matrices, workers=run.workers, narrow=narrow)
    orthogonal_s = orthogonal / (rate if narrow else rates.fp32).at(width)
    per_parameter = PARAMETER_BYTES + CAST_BYTES * train.accumulate * bf16
    operations = again * work.operations * train.accumulate
    operations += OPTIMISER_OPERATIONS + MUON_OPERATIONS * len(set(matrices))
    operations += DEVICE_NOISE_OPERATIONS * on_device
    moved = again * work.bytes + DEVICE_NOISE_BYTES * numbers * on_device
    products_s = multiplied * products / rate.at(width)
    attention_s = multiplied * 3 * work.attention_flops / rate.attention
    bytes_s = moved / rates.bytes_per_s
    gradients_s = _exchanged_bytes(run, parameters=count) / link_bytes_per_s
    backward_s = BACKWARD * (products_s + attention_s + bytes_s) / train.accumulate
    return StepTime(
        products_s=products_s,
        attention_s=attention_s,
        bytes_s=bytes_s,
        optimiser_s=count * per_parameter / rates.bytes_per_s + orthogonal_s,
        host_s=operations * rates.operation_s,
        noise_s=0.0 if on_device else HOST_NOISE_S * numbers,
        link_s=gradients_s + _directions_bytes(run) / link_bytes_per_s,
        hidden_s=min(gradients_s, backward_s) if rates.kind == "cuda" else 0.0,
        asynchronous=rates.kind == "cuda",
    )


def _exchanged_bytes(run: RunSpec, *, parameters: int) -> float:
    """What each worker sends in a step: gradients to and fro in a ring; with FSDP, gathered values
    in both passes and scattered gradients (arXiv 1910.02054, section 7)."""
    if run.train.parallel == "fsdp":
        value = HALF if run.train.precision == "bf16" else FLOAT
        return (run.workers - 1) / run.workers * parameters * (2 * value + FLOAT)
    return ring_bytes(parameters, workers=run.workers)


def ring_bytes(parameters: int, *, workers: int) -> float:
    """What each worker sends to average so many float32 gradients in a ring, to and fro."""
    return (workers - 1) / workers * parameters * 2 * FLOAT


def _directions_bytes(run: RunSpec) -> float:
    """Muon's directions, which each worker makes for its share of the matrices; whole matrices
    only."""
    if run.train.parallel == "fsdp":
        return 0.0
    numbers = sum(rows * columns for rows, columns in _matrices(run))
    value = HALF if run.train.precision == "bf16" else FLOAT
    return (run.workers - 1) / run.workers * numbers * value


def _matrices(run: RunSpec) -> list[tuple[int, int]]:
    """Those that Muon updates."""
    if run.train.optimiser != "muon":
        return []
    blocks = run.model.memory(backbone_shape(run), videos=1, autocast="none").blocks
    return [sides for block in blocks for sides in block.matrices]


def _ms(seconds: float) -> str:
    """Three digits, and no power of ten."""
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"
