"""Thresholds from true videos, and the command that sets and tests them."""

import json
from pathlib import Path

import numpy as np
import pytest

from physscale.cli.main import main
from physscale.evaluate.abnormal.rules import RULES, THRESHOLDS
from physscale.evaluate.calibration.calibrate import ALARMS, limits_of


@pytest.mark.parametrize("videos", [3, 200, 3000])
def test_thresholds_spend_their_alarms_evenly_and_no_more(videos: int) -> None:
    """Two rules with long tails, one of them a hundred times as large, and one that no true video
    comes near."""
    rng = np.random.Generator(np.random.Philox(key=videos))
    scores = {
        "size": rng.pareto(3.0, videos),
        "force": 100.0 * rng.pareto(3.0, videos),
        "tunnel": rng.uniform(0.0, 0.1, videos),
    }
    limits = limits_of(scores, floor={"size": 0.1, "force": 0.1, "tunnel": 0.2})
    above = {rule: int((scores[rule] > limits[rule]).sum()) for rule in limits}
    together = np.any([scores[rule] > limits[rule] for rule in limits], axis=0).sum()
    assert together <= ALARMS * videos < together + 2
    assert abs(above["size"] - above["force"]) <= 1
    assert limits["tunnel"] == 0.2, "never below what one can see"


def test_calibration_is_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, thresholds, only = (
        tmp_path / "table.md",
        tmp_path / "thresholds.json",
        ["--only", "parabola:32"],
    )
    with pytest.raises(SystemExit, match="0"):
        main(
            [
                "calibrate-detector",
                "--videos",
                "4",
                "--set-on",
                "4",
                *only,
                "--table",
                str(written),
                "--thresholds",
                str(thresholds),
            ]
        )
    assert "| vanish | 100 " in written.read_text()
    assert set(json.loads(thresholds.read_text())["free_discs"]["32"]) == set(
        RULES.named("free_discs").floors
    )
    with pytest.raises(SystemExit, match="0"):
        main(
            [
                "calibrate-detector",
                "--videos",
                "2",
                "--processes",
                "2",
                *only,
                "--thresholds",
                str(thresholds),
            ]
        )
    assert json.loads(thresholds.read_text()) == json.loads(THRESHOLDS.read_text()), (
        "tested, not set"
    )
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate-detector", "--only", "parabola:33"])
    assert "--only parabola:33: use one of" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate-detector", "--videos", "0"])
    assert "give --set-on N" in capsys.readouterr().err
