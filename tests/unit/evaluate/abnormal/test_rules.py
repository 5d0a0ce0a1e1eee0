"""Which rules apply is asked of the scenario's physics; what has none is refused in one line."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from physscale.evaluate.abnormal.detector import detect
from physscale.evaluate.abnormal.rules import RULES, Rules, Scores, covers, rules_of
from physscale.evaluate.calibration.known_videos import Cell, canvas, true_rows
from physscale.records.errors import UserError
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.spec import SCENARIOS


@dataclass(frozen=True, kw_only=True)
class OnRails(UniformMotion):
    """Discs that look like free ones and obey another law."""

    name: ClassVar[str] = "on_rails"
    physics: ClassVar[str] = "rails"


@pytest.fixture
def on_rails(monkeypatch: pytest.MonkeyPatch) -> Videos:
    """True videos of new physics, whose scenario is registered for this test alone."""
    SCENARIOS.entries()
    monkeypatch.setitem(SCENARIOS._entries, "OnRails", OnRails)
    cell = Cell("uniform", 32)
    rows = true_rows(cell, start=0, stop=4)
    shown = rows.with_pixels(render(rows, canvas=canvas(cell)))
    return replace(shown, scenario=np.full(4, OnRails.name, object))


def test_unknown_physics_is_refused_and_never_called_abnormal(on_rails: Videos) -> None:
    with pytest.raises(UserError, match="has physics 'rails', for which there are no rules") as one:
        detect(on_rails)
    assert "\n" not in str(one.value)
    assert all(known in str(one.value) for known in ("there are: free_discs", "phyre"))


def test_a_study_asks_whether_rules_cover_its_videos_and_refuses_an_unknown_scenario(
    on_rails: Videos,
) -> None:
    assert not covers(on_rails, size_px=32)
    assert covers(replace(on_rails, scenario=np.full(4, "uniform", object)), size_px=32)
    with pytest.raises(UserError, match="scenario 'no_such' is unknown"):
        covers(replace(on_rails, scenario=np.full(4, "no_such", object)), size_px=32)


def test_rules_that_a_module_registers_are_applied(
    on_rails: Videos, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfRails(Rules):
        physics: ClassVar[str] = "rails"
        floors: ClassVar = {"derailed": 0.5}

        def scores(self, videos: Videos) -> Scores:
            return {"derailed": np.abs(videos.state[..., 1] - 5.0).max((1, 2))}

        def places(self, videos: Videos) -> np.ndarray:
            return videos.state[..., :2]

    RULES.entries()
    monkeypatch.setitem(RULES._entries, "rails", OfRails())
    assert not detect(on_rails).abnormal.any()
    assert detect(replace(on_rails, state=on_rails.state + 1.0)).abnormal.all()


def test_rows_of_a_name_that_nobody_declares_are_refused(on_rails: Videos) -> None:
    with pytest.raises(UserError, match="scenario 'no_such' is unknown"):
        rules_of(replace(on_rails, scenario=np.full(4, "no_such", object)))


def test_rows_of_two_physics_are_refused(on_rails: Videos) -> None:
    mixed = np.array(["uniform", "on_rails", "uniform", "on_rails"], object)
    with pytest.raises(UserError, match=r"of several physics \(free_discs, rails\)"):
        rules_of(replace(on_rails, scenario=mixed))
