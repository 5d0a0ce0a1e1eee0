"""Where a study's files lie, and which folder may hold it."""

from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.records.store import Store, checked_folder, write_atomic


def test_a_store_has_a_place_for_everything() -> None:
    store, full = Store(Path("study")), "ab" * 32
    run = store.run(full)
    places = {
        "codecs/abababababab": store.codec(full),
        "codecs/abababababab.training": store.codec_training(full),
        f"weights/{full}": store.weights(full),
        "latents/abababababab": store.latents(full),
        "report/index.html": store.report,
        "runs/abababababab/scoring": run.scoring,
        "runs/abababababab/samples/id.arrow": run.samples("id"),
        "runs/abababababab/videos/id.mp4": run.video("id"),
        "runs/abababababab/frames/id.worst.mp4": run.frames("id", suffix=".worst.mp4"),
    }
    assert {Path("study") / name: place for name, place in places.items()} == {
        place: place for place in places.values()
    }


def test_a_folder_is_a_folder_and_a_bucket_is_none() -> None:
    for path in (Path(), Path("results"), Path("/a/b:c")):
        assert checked_folder(path) == path
    with pytest.raises(UserError, match="push STUDY URI"):
        checked_folder(Path("s3://bucket/results"))


def test_the_folders_above_a_file_are_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "file", b"1")
    write_atomic(tmp_path / "a" / "b" / "file", b"2")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["file"]
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"2"
