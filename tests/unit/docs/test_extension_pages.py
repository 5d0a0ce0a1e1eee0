"""The pages of extensions name every member that a plug-in may or must write."""

import dataclasses
import re

import pytest

from analysis.laws.formulas import Formulated
from physscale.codec.protocol import Codec
from physscale.codec.spec import CodecSpec
from physscale.evaluate.abnormal.rules import Rules
from physscale.evaluate.metrics import VideoMetric
from physscale.flow.objective import Objective
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.metric_table import Metric
from physscale.simulate.scenario import Scenario
from tests.paths import ROOT


def members(protocol: type) -> set[str]:
    """All public members; of a dataclass, which a plug-in only fills, the fields."""
    if dataclasses.is_dataclass(protocol) and not getattr(protocol, "__abstractmethods__", ()):
        return {field.name for field in dataclasses.fields(protocol)}
    return {
        name for name in {*vars(protocol), *protocol.__annotations__} if not name.startswith("_")
    }


FOR_THE_PACKAGE = {
    Backbone: {"layers", "shape_of_video"},
    Rules: {"thresholds"},
    Scenario: {
        "by_name",
        "default_videos",
        "drawn",
        "from_trained",
        "own_frames",
        "own_frames_px",
        "seeded",
        "trace",
    },
}
"""What follows from the rest, or only PHYRE's and the paper's listed data sets answer otherwise."""


@pytest.mark.parametrize(
    ("page", "protocol"),
    [
        ("video_vae", CodecSpec),
        ("video_vae", Codec),
        ("my_backbone", BackboneSpec),
        ("my_backbone", Backbone),
        ("my_objective", ObjectiveSpec),
        ("my_objective", Objective),
        ("pendulum", Scenario),
        ("pendulum", Rules),
        ("my_metric", Metric),
        ("my_metric", VideoMetric),
        ("my_law", Formulated),
    ],
)
def test_the_page_names_every_member(page: str, protocol: type) -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs" / "extend" / f"{page}.md").read_text()))
    lacking = members(protocol) - words - FOR_THE_PACKAGE.get(protocol, set())
    assert not lacking, f"{page}.md does not name {sorted(lacking)} of {protocol.__name__}"
