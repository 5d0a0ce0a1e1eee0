"""A ball, or another body of the same density: its mass is the square of its radius."""

from typing import Any

from physscale.records.scene import Body


def ball(
    x_m: float,
    y_m: float,
    *,
    radius_m: float,
    colour: tuple[int, int, int],
    **fields: Any,  # noqa: ANN401 - each field of `Body` has its own type
) -> Body:
    """A disc unless `fields`, further ones of `Body`, name another shape."""
    return Body(x_m=x_m, y_m=y_m, radius_m=radius_m, mass_kg=radius_m**2, colour=colour, **fields)
