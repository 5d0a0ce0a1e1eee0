"""Which videos raters see, in which order, and that no name betrays a source."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.file import read_videos, write_videos
from physscale.dataset.folder import Layout, write_dataset
from physscale.raters.clips import clips_of, movie, order_of
from physscale.raters.summary import detected_rows
from physscale.records.errors import UserError
from tests.unit.raters.planted import HOSTILE, planted


def test_each_source_gives_so_many_and_its_name_is_not_told(folder: Path) -> None:
    clips = clips_of(folder, each=3, seed=0)
    assert (
        sorted(clip.source for clip in clips) == [f"{HOSTILE}/true.arrow"] * 3 + ["gone.arrow"] * 3
    )
    assert len({clip.name for clip in clips}) == 6
    assert clips == clips_of(folder, each=3, seed=0)
    assert {clip.name for clip in clips}.isdisjoint(
        clip.name for clip in clips_of(folder, each=3, seed=1)
    )
    assert len(clips_of(folder, each=99, seed=0)) == 16


def test_a_data_set_is_shown_and_rated_as_a_file_of_the_same_rows_is(
    folder: Path, tmp_path: Path
) -> None:
    """Its frames lie packed in shards; a set of states has nothing to show."""
    rows = read_videos(folder / "gone.arrow")
    layout = Layout(identity="eight", videos=8, rows_per_shard=5, encoding="rgb")
    write_dataset(tmp_path / "set", layout, make=rows.take)
    write_dataset(
        tmp_path / "states", replace(layout, encoding=None), make=rows.with_pixels(None).take
    )
    clips = clips_of(tmp_path, each=9, seed=0)
    assert [(clip.source, clip.index) for clip in clips] == [
        (f"set/shard_{start:08d}.arrow", row)
        for start, stop in ((0, 5), (5, 8))
        for row in range(start, stop)
    ]
    of_file = next(
        clip
        for clip in clips_of(folder, each=9, seed=0)
        if (clip.source, clip.index) == ("gone.arrow", 6)
    )
    assert movie(tmp_path, clip=clips[6]) == movie(folder, clip=of_file)
    answers = [
        replace(answer, source=clip.source)
        for clip, answer in zip(clips, planted(Ada=[True] * 8), strict=True)
    ]
    assert detected_rows(answers, folder=tmp_path) == {
        (clip.source, clip.index): True for clip in clips
    }


def test_orders_are_the_raters_own_and_stay(folder: Path) -> None:
    clips = clips_of(folder, each=8, seed=0)
    ada, bob = (order_of(clips, rater=name, seed=0) for name in ("Ada", "Bob"))
    assert ada == order_of(clips, rater="Ada", seed=0)
    assert ada != bob
    assert sorted(ada, key=lambda clip: clip.name) == sorted(bob, key=lambda clip: clip.name)
    firsts = [
        order_of(clips, rater=str(number), seed=0)[0].source == "gone.arrow"
        for number in range(200)
    ]
    assert 70 < sum(firsts) < 130, "the first clip tells nothing of its source"


def test_a_file_with_two_samples_of_a_row_is_refused(folder: Path) -> None:
    """A rating could not tell them apart."""
    rows = read_videos(folder / "gone.arrow")
    write_videos(folder / "twice.arrow", rows.take(np.array([0, 0, 1])))
    with pytest.raises(UserError, match=r"twice\.arrow: several rows have one number"):
        clips_of(folder, each=8, seed=0)


def test_a_folder_without_videos_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        clips_of(tmp_path / "none", each=3, seed=0)
    with pytest.raises(UserError, match="neither Arrow files"):
        clips_of(tmp_path, each=3, seed=0)
    with pytest.raises(UserError, match="at least one"):
        clips_of(folder, each=0, seed=0)
