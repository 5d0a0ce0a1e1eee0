"""The kinds of backbone that come with the package: importing it registers them."""

from physscale.model.dit_spec import DiTSpec
from physscale.model.unet_spec import UNetSpec

__all__ = ["DiTSpec", "UNetSpec"]
