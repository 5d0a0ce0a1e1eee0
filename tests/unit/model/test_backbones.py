"""Every backbone of the package does what every backbone does (`tests/backbone_checks.py`)."""

import pytest

from physscale.model.backbone_spec import BACKBONES, BackboneSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.unet_spec import UNetSpec
from physscale.records.errors import UserError
from tests.backbone_checks import CHECKS, SHAPES

SPECS: dict[str, BackboneSpec] = {
    "DiTSpec": DiTSpec(width=16, depth=2, heads=2),
    "UNetSpec": UNetSpec(width=8),
}
"""A small one of each kind."""


def test_there_is_a_small_one_of_every_kind() -> None:
    ours = {
        name for name, kind in BACKBONES.entries().items() if kind.__module__.startswith("phys")
    }
    assert SPECS.keys() == ours


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spec", SPECS)
def test_every_backbone(spec: str, shape: str, check: str) -> None:
    CHECKS[check](SPECS[spec], SHAPES[shape])


def test_what_a_unet_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="model width=7: must be even"):
        UNetSpec(width=7)
    with pytest.raises(UserError, match="model levels=0: must be at least 1"):
        UNetSpec(width=8, levels=0)
