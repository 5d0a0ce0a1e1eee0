"""The paper's own numbers: what its single runs do and do not carry."""

import pytest

from analysis.commands.app import main
from analysis.examples.kang2024_fits import abnormal, surface, verdicts


def test_nothing_out_of_distribution_is_shown_to_scale_or_to_be_flat() -> None:
    words = {place: verdict.word for place, verdict in verdicts().items()}
    assert {word for (_, kind, _), word in words.items() if kind == "out of distribution"} == {
        "undetermined"
    }
    assert words["uniform motion", "in distribution", "N"] == "scales"
    assert words["uniform motion", "in distribution", "D"] == "scales"
    assert words["parabola", "in distribution", "N"] == "scales"


def test_the_abnormal_share_falls_with_templates_as_the_text_says() -> None:
    found = abnormal("ratio-power")
    assert found.parameters["g"].value == pytest.approx(0.82, abs=0.03)
    curve = found.profiles["g"]
    assert curve.low is not None
    assert 0.4 < curve.low < 0.82
    assert curve.high is not None
    assert curve.high < 1.3


def test_an_exponent_above_a_floor_close_to_the_data_stays_open() -> None:
    assert surface("collision").parameters["beta"].open


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example"]) == 0
    assert "undetermined" in capsys.readouterr().out
