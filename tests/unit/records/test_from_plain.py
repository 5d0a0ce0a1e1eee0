"""What was written as plain JSON types comes back as the very dataclasses; what never changes a
result is never written."""

import dataclasses
import json
from typing import Any, ClassVar

import pytest

from physscale.codec.kinds import PcaSpec, PixelSpec, VaeSpec
from physscale.codec.spec import CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.flow.flow_spec import FlowSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.spec import ANYTHING, canonical, from_plain, plain
from physscale.train.spec import TrainSpec


@dataclasses.dataclass(frozen=True)
class Holder:
    codec: CodecSpec
    shapes: tuple[LatentShape, ...]
    pair: tuple[int, float] = (1, 2.0)
    training: VaeTraining | None = None


@dataclasses.dataclass(frozen=True)
class Shown:
    NEUTRAL: ClassVar[dict[str, Any]] = {"every": ANYTHING}
    steps: int = 3
    every: int = 0


SPECS = [
    *SIZES.values(),
    DiTSpec(width=8, depth=1, heads=1, time_patch=2, adaln="block"),
    FlowSpec(guidance=2.0, condition_dropout=0.1),
]
SPECS += [
    TrainSpec(),
    TrainSpec(optimiser="adamw"),
    VaeSpec(widths=(8, 16), groups=4),
    VaeTraining(),
    LatentShape(3, 4),
]
HOLDERS = [
    Holder(PcaSpec(5), (LatentShape(2, 3), LatentShape(4, 5))),
    Holder(PixelSpec(), (), pair=(3, 0.5), training=VaeTraining(steps=3)),
]


@pytest.mark.parametrize("spec", [*SPECS, *HOLDERS, Holder(VaeSpec(), ())], ids=str)
def test_back_and_forth(spec: Any) -> None:
    again = from_plain(type(spec), json.loads(json.dumps(plain(spec))))
    assert again == spec
    assert canonical(again) == canonical(spec)


def test_another_class_and_another_version_are_one_line() -> None:
    with pytest.raises(UserError, match="type 'FlowSpec': allowed here are DiTSpec"):
        from_plain(DiTSpec, plain(FlowSpec()))
    with pytest.raises(UserError, match="LatentShape has no field 'depth'"):
        from_plain(LatentShape, plain(LatentShape(1, 2)) | {"depth": 3})
    with pytest.raises(
        UserError, match=r"codec 'FlowSpec' is unknown; there are CodecSpec, .*VaeSpec"
    ):
        from_plain(Holder, plain(HOLDERS[0]) | {"codec": plain(FlowSpec())})


def test_a_field_that_never_changes_a_result_is_in_no_name() -> None:
    assert (
        canonical(Shown(every=7))
        == canonical(Shown())
        == json.dumps(plain(Shown(every=9)), sort_keys=True, separators=(",", ":"))
    )
    assert canonical(Shown(steps=4)) != canonical(Shown())
