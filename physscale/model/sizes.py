"""Named sizes of the diffusion transformer (no torch)."""

from physscale.model.backbone_spec import BackboneSpec
from physscale.model.dit_spec import DiTSpec
from physscale.records.errors import UserError

__all__ = ["SIZES", "sized"]

SIZES: dict[str, DiTSpec] = {
    "d6": DiTSpec(width=6, depth=3, heads=1),
    "d8": DiTSpec(width=8, depth=3, heads=1),
    "d12": DiTSpec(width=12, depth=3, heads=1),
    "d16": DiTSpec(width=16, depth=3, heads=1),
    "d24": DiTSpec(width=24, depth=3, heads=1),
    "d32": DiTSpec(width=32, depth=3, heads=1),
    "d48": DiTSpec(width=48, depth=3, heads=2),
    "d64": DiTSpec(width=64, depth=3, heads=2),
    "d96": DiTSpec(width=96, depth=3, heads=3),
    "S": DiTSpec(width=384, depth=12, heads=6, patch=2, activation="gelu"),
    "B": DiTSpec(width=768, depth=12, heads=12, patch=2, activation="gelu"),
    "L": DiTSpec(width=1024, depth=24, heads=16, patch=2, activation="gelu"),
    "XL": DiTSpec(width=1152, depth=28, heads=16, patch=2, activation="gelu"),
}
"""From the smallest of the CPU ladder (whole-frame latents, one token per frame) to the paper's S,
B, L and XL (head width 64 and 72)."""


def sized(value: str | BackboneSpec) -> BackboneSpec:
    """The backbone with this name in `SIZES`. A backbone is returned as it is.

    Raises:
        UserError: for an unknown name.
    """
    if not isinstance(value, str):
        return value
    if value not in SIZES:
        raise UserError(f"size {value!r}: there are {', '.join(SIZES)}; or give a BackboneSpec")
    return SIZES[value]
