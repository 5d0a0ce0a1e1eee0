"""The kinds of backbone that come with the package: importing it registers them."""

from physscale.model.dit_spec import DiTSpec

__all__ = ["DiTSpec"]
