"""`import physscale` offers a few names and costs nothing."""

import subprocess
import sys

import numpy as np
import pytest

import physscale
from tests.paths import ROOT


@pytest.mark.parametrize("name", physscale.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    assert callable(getattr(physscale, name))
    assert name in dir(physscale)
    assert f"`{name}(" in (physscale.__doc__ or "") or name == "Canvas"


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = physscale.nothing


def test_the_import_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules); import physscale; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "sys.exit(str(new - set(sys.stdlib_module_names) - {'physscale'}) if "
        "new - set(sys.stdlib_module_names) - {'physscale'} else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_truth_scored_as_a_model_has_no_error_and_a_still_one_has() -> None:
    states = physscale.draw_videos(
        physscale.named_data("uniform_speed_high", videos=4), indices=np.arange(4)
    )
    truth = physscale.with_frames(states, canvas=physscale.Canvas())
    still = truth.pixels.copy()
    still[:, 3:] = still[:, 2:3]
    same, wrong = (
        physscale.outcomes(truth, pixels, condition_frames=3, run="one")
        for pixels in (truth.pixels, still)
    )
    speed = np.array(wrong["true_speed_m_s"])
    assert np.all(np.array(same["velocity_error_m_s"]) < 0.02)
    assert np.allclose(np.array(wrong["velocity_error_m_s"]), speed, rtol=0.05)
