"""The kinds of objective that come with the package: importing it registers them."""

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec

__all__ = ["AutoregressiveSpec", "FlowSpec"]
