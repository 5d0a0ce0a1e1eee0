"""In which order files and folders reach the disk, and what a folder's reader says of damage."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from physscale.records import store
from physscale.records.errors import DamagedData, UserError
from physscale.records.store import (
    MANIFEST,
    checked_folder,
    checked_name,
    describe,
    read_folder,
    remove_folder,
    write_atomic,
    write_folder,
)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced, renamed and passed, in order. Random parts of names are left out."""
    seen: list[str] = []
    sync = os.fsync

    def plain(path: str | Path) -> str:
        name = Path(path).name
        return "temporary" if name.endswith(".tmp") else name

    def synced(descriptor: int) -> None:
        seen.append(f"sync {plain(os.readlink(f'/proc/self/fd/{descriptor}'))}")
        sync(descriptor)

    def moved(how: Callable[..., Any]) -> Callable[..., Any]:
        def move(path: Path, target: Path) -> Any:
            seen.append(f"{plain(path)} becomes {plain(target)}")
            return how(path, target)

        return move

    monkeypatch.setattr(store.os, "fsync", synced)
    monkeypatch.setattr(store, "point", seen.append)
    monkeypatch.setattr(Path, "rename", moved(Path.rename))
    monkeypatch.setattr(Path, "replace", moved(Path.replace))
    return seen


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, events: list[str]) -> None:
    write_atomic(tmp_path / "file", b"content")
    assert events == [
        "file begun",
        "sync temporary",
        "file written",
        "temporary becomes file",
        f"sync {tmp_path.name}",
    ]


def test_a_folder_has_its_name_after_all_files_and_the_manifest(
    tmp_path: Path, events: list[str]
) -> None:
    for _ in range(2):
        events.clear()
        with write_folder(tmp_path / "above" / "folder") as folder:
            (folder / "b").write_text("b")
            (folder / "a").mkdir()
            (folder / "a" / "c").write_text("c")
    assert events == [
        *("sync c", "sync b"),
        *("file begun", "sync temporary", "file written", f"temporary becomes {MANIFEST}"),
        *("sync temporary", "folder described"),
        *("folder becomes temporary", "folder retired"),
        *("temporary becomes folder", "folder renamed", "sync above"),
    ]
    assert [each.name for each in (tmp_path / "above").iterdir()] == ["folder"]


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        write_atomic(tmp_path / "file", b"content")
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_a_killed_writer_left_is_removed_and_that_of_others_is_not(tmp_path: Path) -> None:
    for name in (".step.0123abcd.tmp", ".step2.0123abcd.tmp", ".step.kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    with write_folder(tmp_path / "step"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".step.kept",
        ".step2.0123abcd.tmp",
        "step",
    ]
    remove_folder(tmp_path / "step")
    assert not (tmp_path / "step").exists()


@pytest.mark.parametrize("harm", ["longer", "other", "gone", "folder"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, harm: str) -> None:
    with write_folder(tmp_path / "step") as folder:
        (folder / "file").write_bytes(b"content")
    file = tmp_path / "step" / "file"
    digest = str(describe(file)["sha256"])
    assert describe(file) == {"bytes": 7, "sha256": digest}
    match harm:
        case "longer":
            file.write_bytes(b"content+")
        case "other":
            file.write_bytes(b"CONTENT")
        case _:
            file.unlink()
    if harm == "folder":
        file.mkdir()
    with pytest.raises(DamagedData) as said:
        read_folder(tmp_path / "step", mend="call a friend")
    assert str(said.value) == (
        f"{file}: not what {MANIFEST} says (SHA-256 {digest[:12]}, 7 bytes); call a friend"
    )


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"files": 3}', b'{"files": {"a": {}}}'])
def test_a_folder_without_its_list_is_damaged(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(DamagedData, match=f"{tmp_path}: no readable {MANIFEST} .*; run the comm"):
        read_folder(tmp_path)


def test_results_lie_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    for path in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(UserError, match=f"{path}: no folder"):
            checked_folder(path)
    assert checked_folder(tmp_path) == tmp_path
    assert checked_folder(tmp_path / "not yet") == tmp_path / "not yet"


def test_a_long_wrong_name_is_cut_in_the_message() -> None:
    with pytest.raises(UserError) as said:
        checked_name("A" * 200, what="split")
    assert str(said.value).startswith(f"split {'A' * 80!r}: use 1 to 64 of")
