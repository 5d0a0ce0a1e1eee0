"""Rates and rows of the detector."""

from dataclasses import replace

import pytest

from physscale.evaluate.abnormal.detector import Detections, abnormal_rates, detect
from physscale.evaluate.abnormal.rules import RULES
from physscale.evaluate.calibration.corruptions_development import jitter, speed_up
from physscale.evaluate.calibration.corruptions_paper import vanish
from physscale.evaluate.calibration.known_videos import Cell, corrupted
from physscale.evaluate.scores import RunColumns
from physscale.records.errors import UserError
from physscale.records.scores import SCORES
from physscale.records.video import Videos
from tests.known_videos import half_wrong_videos, shown

COLUMNS: RunColumns = {
    "study": "s",
    "run": "r",
    "group": "g",
    "parameters": 1,
    "videos": 1,
    "combinations": 0,
    "steps": 1,
    "flops": 1.0,
    "seed": 0,
}


@pytest.fixture(scope="module")
def half_wrong() -> Videos:
    return half_wrong_videos()


def test_rates_are_rows_of_scores(half_wrong: Videos) -> None:
    rows = abnormal_rates(
        detect(half_wrong), columns=COLUMNS, split="id", kind="id", source="model"
    )
    assert rows.schema.equals(SCORES)
    by_metric = {row["metric"]: row for row in rows.to_pylist()}
    assert by_metric["abnormal_rate"]["value"] == 0.5
    assert by_metric["abnormal_permanence"]["value"] == 0.5
    assert by_metric["abnormal_energy"]["value"] == 0.0
    assert by_metric["abnormal_rate"]["low"] < 0.5 < by_metric["abnormal_rate"]["high"]


@pytest.mark.parametrize(
    ("law", "unasked"), [("uniform", 4), ("parabola", 4), ("collision", 0), ("composition", 0)]
)
def test_a_rule_that_is_not_asked_could_not_be_broken(law: str, unasked: int) -> None:
    cell = Cell(law, 32)
    true = shown(0, 20, cell=cell)
    for corrupt in (vanish, speed_up, jitter):
        wrong = corrupted(true, corrupt=corrupt, cell=cell)
        assert wrong is not None
        found = detect(wrong)
        silent = set(found.scores) - set(found.asked)
        assert len(silent) == unasked
        assert all((found.scores[rule] == 0.0).all() for rule in silent)
        metrics = abnormal_rates(found, columns=COLUMNS, split="id", kind="id", source="model")[
            "metric"
        ].to_pylist()
        assert set(metrics) == {"abnormal_rate", *(f"abnormal_{rule}" for rule in found.asked)}


def test_no_threshold_lies_below_what_one_can_see() -> None:
    for rules in RULES.entries().values():
        for size_px in (32, 100, 512):
            limits = rules.thresholds(size_px=size_px)
            assert set(limits) == set(rules.floors)
            assert all(limits[rule] >= rules.floors[rule] for rule in limits)


def test_detections_of_two_physics_are_not_joined(half_wrong: Videos) -> None:
    found = detect(half_wrong)
    with pytest.raises(UserError, match="give them one by one"):
        Detections.joined([found, replace(found, physics="phyre")])
