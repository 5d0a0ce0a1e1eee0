"""Whatever lies where a command reads a file: one line, exit code 2 or 5, and nothing written."""

from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from physscale.cli.main import main
from physscale.dataset.mp4 import write_mp4
from tests.bad_files import BAD, BAD_FILES, GOOD, HERE, MOVIE, READS, STUDY, is_wrong
from tests.command_line import said
from tests.synthetic_study import write_study

ALL = [(call, kind) for call in READS for kind in BAD_FILES if is_wrong(call, kind=kind)]
FEW = [*list(zip(READS, cycle(BAD_FILES), strict=False))[::3], ("compare-videos fvd", "unreadable")]
"""A kind for one call in three, and what was once wrong; the others are slow."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files that nothing is wrong with, by their words in a call."""
    root = tmp_path_factory.mktemp("good")
    with pytest.raises(SystemExit, match="0"):
        main(["simulate", "uniform", "--videos=2", "--size=16", f"--out={root / 'data'}"])
    write_study(root / "quickstart")
    clip = np.full((16, 16, 16, 3), 255, np.uint8)
    write_mp4(root / "0.mp4", clip, frames_per_s=10)
    places = {GOOD: "data", STUDY: "quickstart", MOVIE: "0.mp4"}
    return {word: str(root / name) for word, name in places.items()}


@pytest.mark.parametrize(
    ("call", "kind"),
    [pytest.param(*pair, marks=() if pair in FEW else pytest.mark.slow) for pair in ALL],
)
def test_a_bad_file_is_one_line(
    call: str,
    kind: str,
    good: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = good | {HERE: str(tmp_path / "out")}
    called = [words.get(word, word.replace(BAD, str(tmp_path / "bad"))) for word in READS[call]]
    (suffix,) = {word[len(BAD) :] for word in READS[call] if word.startswith(BAD)} or {""}
    BAD_FILES[kind](tmp_path / f"bad{suffix}")
    code, _, err = said(called, capsys)
    assert code in (2, 5), err
    assert err.startswith("physscale: "), err
    assert err.count("\n") == 1, err
    assert len(err) < 700, err
    assert not (tmp_path / "out").exists(), "nothing half-written"
