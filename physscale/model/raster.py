"""A rasteriser for the training device: the exact coverage of `physscale.render`, on tensors.

With it a training node can receive states (2 KB per video) and render frames itself, so that CPUs
need not render for GPUs. No run does so yet: runs render on the CPU, and this module is used by
`tests/physics/test_render_shapes.py` alone. There it agrees with the CPU rasteriser within 1/255 in
single precision.

A disc has the coverage A(a, b, h) of `render.disc`, with S at the clipped column edges from two
tables. A shape with straight edges has the edge integrals of `render.polygon`, along the borders of
`render.outline`."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY
from physscale.render.outline import borders_m

PIXELS_AT_ONCE = 1 << 23
STEEP_PX = 1e-2
COLUMN = {name: position for position, name in enumerate(BODY)}


def rasterise(
    state: Float[Tensor, "batch frames bodies 6"],
    *,
    body: Float[Tensor, "batch bodies 10"],
    size_px: int,
) -> UInt8[Tensor, "..."]:
    """All frames u8[B, T, H, W, 3] of a batch, on the device of its states; colours, order and
    borders as `render.render` has them.

    Args:
        state: metres, y up (`records.video.STATE`); body: constants (`records.video.BODY`), on the
            same device.
    """
    batch, frames = state.shape[:2]
    poses = state[..., :3].flatten(0, 1).float()
    borders = torch.from_numpy(borders_m(body.float().cpu().numpy())).to(poses) * (
        size_px / WORLD_M
    )
    constants, borders = (
        body.float().repeat_interleave(frames, 0),
        borders.repeat_interleave(frames, 0),
    )
    step = max(1, PIXELS_AT_ONCE // size_px**2)
    parts = [
        _frames(
            poses[at : at + step],
            constants=constants[at : at + step],
            borders=borders[at : at + step],
            size_px=size_px,
        )
        for at in range(0, len(poses), step)
    ]
    return torch.cat(parts).reshape(batch, frames, size_px, size_px, 3)


def _frames(pose: Tensor, *, constants: Tensor, borders: Tensor, size_px: int) -> Tensor:
    """u8[K, H, W, 3] of K frames."""
    scale = size_px / WORLD_M
    out = torch.full((len(pose), size_px, size_px, 3), 255.0, device=pose.device)
    for number in range(pose.shape[1]):
        body = constants[:, number]
        x, y, angle = (
            pose[:, number, 0] * scale,
            size_px - pose[:, number, 1] * scale,
            pose[:, number, 2],
        )
        is_disc = body[:, COLUMN["shape"]] == Shape.DISC
        size, hole = (
            torch.where(is_disc, body[:, COLUMN[name]] * scale, 0.0)
            for name in ("radius_m", "half_height_m")
        )
        area = torch.zeros(out.shape[:3], device=pose.device)
        if bool((size > 0).any()):
            area = disc_coverage(x, y, size, size_px=size_px)
            if bool((hole > 0).any()):
                area = area - disc_coverage(x, y, hole, size_px=size_px)
        if bool((~is_disc).any()):
            area = area + polygon_coverage(
                _put(borders[:, number], x=x, y=y, angle=angle), size_px=size_px
            )
        colour = body[:, COLUMN["red"] : COLUMN["red"] + 3][:, None, None]
        out = torch.where(
            area[..., None] > 0,
            torch.floor(out + area.clamp(0, 1)[..., None] * (colour - out) + 0.5),
            out,
        )
    return out.to(torch.uint8)


def _put(border: Tensor, *, x: Tensor, y: Tensor, angle: Tensor) -> Tensor:
    """`render.polygon.put`."""
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    ends = [(border[:, :, column], border[:, :, column + 1]) for column in (0, 2)]
    placed = [
        coordinate
        for along, up in ends
        for coordinate in (x[:, None] + along * cos - up * sin, y[:, None] - along * sin - up * cos)
    ]
    return torch.stack(placed, dim=-1)


def _half_segment(x: Tensor, radius: Tensor) -> Tensor:
    """S(x) of `render.disc`; by atan2 and a product of differences, because asin and r² - x² lose
    half their digits at the rim."""
    x = torch.minimum(torch.maximum(x, -radius), radius)
    chord = ((radius - x) * (radius + x)).clamp(min=0).sqrt()
    return 0.5 * (x * chord + radius**2 * torch.atan2(x, chord))


def disc_coverage(
    x: Float[Tensor, " discs"],
    y: Float[Tensor, " discs"],
    radius: Float[Tensor, " discs"],
    *,
    size_px: int,
) -> Float[Tensor, "discs size size"]:
    """Covered area of every pixel by each disc, in pixels with rows downwards."""
    grid = torch.arange(size_px + 1, device=x.device, dtype=x.dtype)
    r = radius[:, None]
    column, line = grid - x[:, None], grid - y[:, None]
    column_area = _half_segment(column, r)
    reach = ((r - line) * (r + line)).clamp(min=0).sqrt()
    reach_area = _half_segment(reach, r)
    inside = column[:, None].abs() <= reach[:, :, None]
    clipped = torch.minimum(torch.maximum(column[:, None], -reach[:, :, None]), reach[:, :, None])
    area = torch.where(
        inside, column_area[:, None], reach_area[:, :, None] * column[:, None].sign()
    )
    beyond = area.diff(dim=2) - line.abs()[:, :, None] * clipped.diff(dim=2)
    upper, lower = beyond[:, :-1], beyond[:, 1:]
    below_centre, above_centre = (line[:, :-1] >= 0)[:, :, None], (line[:, 1:] <= 0)[:, :, None]
    middle = 2.0 * column_area.diff(dim=1)[:, None] - upper - lower
    return torch.where(
        below_centre, upper - lower, torch.where(above_centre, lower - upper, middle)
    )


def polygon_coverage(
    edges: Float[Tensor, "frames edges 4"], *, size_px: int
) -> Float[Tensor, "frames size size"]:
    """Covered area of every pixel by what each border encloses, in pixels with rows downwards;
    edges of length 0 count for nothing."""
    grid = torch.arange(size_px, device=edges.device, dtype=edges.dtype)
    total = torch.zeros((len(edges), size_px, size_px), device=edges.device, dtype=edges.dtype)
    for x0, y0, x1, y1 in (edge.unbind(-1) for edge in edges.unbind(1)):
        low = torch.maximum(torch.minimum(y0, y1)[:, None], grid)
        high = torch.minimum(torch.maximum(y0, y1)[:, None], grid + 1)
        height = (high - low).clamp(min=0) * (y0 - y1).sign()[:, None]
        rise = torch.where((y1 - y0) == 0, 1.0, y1 - y0)[:, None]
        slope = (x1 - x0)[:, None] / rise
        first, last = (
            x0[:, None] + (low - y0[:, None]) * slope,
            x0[:, None] + (high - y0[:, None]) * slope,
        )
        u0, u1 = first[:, :, None] - grid, last[:, :, None] - grid
        across = u1 - u0
        flat = across.abs() < STEEP_PX
        mean = torch.where(
            flat, (0.5 * (u0 + u1)).clamp(0, 1), _clipped(u0, u1) / torch.where(flat, 1.0, across)
        )
        total = total + torch.where(height[:, :, None] == 0, 0.0, mean * height[:, :, None])
    return total


def _clipped(low: Tensor, high: Tensor) -> Tensor:
    """∫ clip(u, 0, 1) du from low to high, without a difference of large numbers."""
    inner = (high.clamp(0, 1) - low.clamp(0, 1)) * (high.clamp(0, 1) + low.clamp(0, 1)) * 0.5
    return inner + (high.clamp(min=1) - low.clamp(min=1))
