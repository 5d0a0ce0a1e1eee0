"""Exactly the tracked files, and no byte that depends on anything else."""

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.study.package import Package, pack


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name, text in {
        "experiments/a.py": "a",
        "physscale/b.py": "b",
        ".gitignore": "ignored\nresults/\n",
        "kept.log": "log",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "add", "-A")
    git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "first")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def names(package: Package) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_tracked_files_as_they_lie_here_and_nothing_else(checkout: Path) -> None:
    (checkout / "results").mkdir()
    (checkout / "results" / "big").write_text("x" * 1000)
    (checkout / "untracked.py").write_text("no")
    (checkout / "experiments" / "a.py").write_text("changed")
    package = pack(checkout, study="a")
    assert names(package) == {
        "experiments/a.py": "changed",
        "physscale/b.py": "b",
        ".gitignore": "ignored\nresults/\n",
        "kept.log": "log",
    }
    assert (package.files, package.changed) == (4, 1)


def test_a_tracked_file_that_git_ignores_now_is_sent_too(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("*.log\n")
    assert "kept.log" in names(pack(checkout, study="a"))


def test_equal_files_give_equal_bytes_whenever_they_were_written(checkout: Path) -> None:
    first = pack(checkout, study="a")
    os.utime(checkout / "kept.log", (1, 1))
    assert pack(checkout, study="a").content == first.content
    (checkout / "kept.log").write_text("other")
    assert pack(checkout, study="a").name != first.name


def test_too_much_is_refused_with_the_numbers(checkout: Path) -> None:
    (checkout / "kept.log").write_text("x" * 2_000_000)
    with pytest.raises(
        UserError,
        match=r"4 tracked files are 2\.0 MB, at most 1\.0 MB are sent; the largest: kept\.log "
        r"2\.0 MB",
    ):
        pack(checkout, study="a", most_bytes=1_000_000)


def test_a_link_that_leaves_the_checkout_is_refused(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret"
    secret.write_text("s")
    (checkout / "link").symlink_to(secret)
    git(checkout, "add", "-A")
    with pytest.raises(UserError, match="link: a tracked link that leaves"):
        pack(checkout, study="a")


def test_a_folder_without_experiments_or_git_is_refused(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(UserError, match="git tracks no experiments/"):
        pack(checkout / "physscale", study="b")
    with pytest.raises(UserError, match="what is sent are the files that git tracks"):
        pack(tmp_path_factory.mktemp("plain"), study="a")


def test_a_study_that_git_does_not_track_is_refused_with_the_way_out(checkout: Path) -> None:
    (checkout / "experiments" / "mine.py").write_text("m")
    with pytest.raises(
        UserError,
        match=r"experiments/mine\.py: git does not track it, so it would not be sent: git add "
        r"experiments/mine\.py",
    ):
        pack(checkout, study="mine")
    git(checkout, "add", "experiments/mine.py")
    assert names(pack(checkout, study="mine"))["experiments/mine.py"] == "m"


def test_files_that_the_command_names_go_along(checkout: Path) -> None:
    package = pack(checkout, study="a", along={".submitted/next.json": b"{}"})
    assert names(package)[".submitted/next.json"] == "{}"
    assert package.name != pack(checkout, study="a").name


def test_a_link_to_a_folder_stands_for_the_tracked_files_in_it(checkout: Path) -> None:
    (checkout / "physscale" / "untracked").write_text("no")
    (checkout / "short").symlink_to("physscale")
    git(checkout, "add", "short")
    found = names(pack(checkout, study="a"))
    assert found["short/b.py"] == found["physscale/b.py"] == "b"
    assert not [name for name in found if "untracked" in name]


def test_files_of_a_submodule_are_sent(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "-q")
    (other / "inner.py").write_text("inner")
    git(other, "add", "-A")
    git(other, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "first")
    allowed = ("-c", "protocol.file.allow=always")
    git(checkout, *allowed, "submodule", "add", "-q", str(other), "library")
    assert names(pack(checkout, study="a"))["library/inner.py"] == "inner"
    git(checkout, "submodule", "deinit", "-q", "--force", "library")
    with pytest.raises(UserError, match=r"^library: a submodule that is not checked out here"):
        pack(checkout, study="a")


@pytest.mark.parametrize("kind", ["deleted", "broken link", "empty folder"])
def test_what_is_tracked_and_cannot_be_sent_is_refused_by_name(checkout: Path, kind: str) -> None:
    if kind == "deleted":
        (checkout / "kept.log").unlink()
        name = "kept.log"
    else:
        name = "link"
        (checkout / "results").mkdir()
        (checkout / name).symlink_to("results" if kind == "empty folder" else "nowhere")
        git(checkout, "add", name)
    with pytest.raises(UserError, match=rf"^{name}: "):
        pack(checkout, study="a")
