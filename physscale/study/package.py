"""What is sent to a cluster: the files that git tracks, as they are now, and the files that the
command names, in a zip whose bytes depend on nothing else.

The folder itself is never sent: results, virtual environments and `.git` exceed upload limits
(ray#22043, ray#38566, ray#45602)."""

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from physscale.records.errors import UserError
from physscale.records.regular import regular

MOST_BYTES = 100_000_000
ALONG = ".submitted"
"""The folder of the files that the command names."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SHOWN = 3


@dataclass(frozen=True)
class Package:
    """A zip of the tracked files.

    Attributes:
        name: as Ray's head stores it, by the content's hash: the same files are sent once.
        changed: tracked files that differ from the commit.
    """

    content: bytes
    name: str
    files: int
    bytes: int
    commit: str
    changed: int


def pack(
    root: Path,
    *,
    study: str,
    along: Mapping[str, bytes] | None = None,
    most_bytes: int = MOST_BYTES,
) -> Package:
    """The tracked files of the checkout at `root`, packed; `along` holds additional contents by
    their path in the package.

    Raises:
        UserError: outside a checkout, if git does not track the study, or for more bytes than a
            cluster should be sent, naming the largest files.
    """
    files = _tracked(root)
    if not any(file.parts[0] == "experiments" for file in files):
        raise UserError(
            f"{root}: git tracks no experiments/ here; submit from the folder that holds them"
        )
    module = Path("experiments") / f"{study}.py"
    if module not in files:
        raise UserError(
            f"{module}: git does not track it, so it would not be sent: git add {module}"
        )
    sizes = {file: (root / file).stat().st_size for file in files}
    total = sum(sizes.values())
    if total > most_bytes:
        largest = sorted(files, key=lambda file: -sizes[file])[:_SHOWN]
        named = ", ".join(f"{file} {sizes[file] / 1e6:.1f} MB" for file in largest)
        numbers = (
            f"{len(files)} tracked files are {total / 1e6:.1f} MB, at most "
            f"{most_bytes / 1e6:.1f} MB are sent"
        )
        raise UserError(f"{numbers}; the largest: {named}")
    content = _zipped(root, files, along=along or {})
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    changed = len(_git(root, "diff", "--name-only", "HEAD").splitlines())
    commit = _git(root, "rev-parse", "--short=12", "HEAD").strip()
    return Package(
        content,
        f"_ray_pkg_{digest}.zip",
        files=len(files),
        bytes=total,
        commit=commit,
        changed=changed,
    )


def _tracked(root: Path) -> list[Path]:
    """All of them, those of submodules too. A link to a folder stands for the tracked files in it.

    Raises:
        UserError: for what git tracks and cannot be sent, by its name.
    """
    names = _git(root, "ls-files", "-z", "--recurse-submodules").split("\0")
    listed = [Path(name) for name in names if name]
    found = []
    for file in listed:
        place = root / file
        if place.is_symlink() and not place.resolve().is_relative_to(root.resolve()):
            raise UserError(f"{file}: a tracked link that leaves {root}; nothing outside is sent")
        if place.is_file():
            found.append(file)
        elif place.is_symlink() and place.is_dir():
            found += _through(file, listed=listed, root=root)
        elif place.is_dir():
            raise UserError(
                f"{file}: a submodule that is not checked out here; run git submodule update "
                "--init --recursive"
            )
        else:
            raise UserError(
                f"{file}: git tracks it and it is not there (deleted, a broken link, or left out "
                f"by a sparse checkout); git restore {file}, or git rm --cached {file}"
            )
    return found


def _through(link: Path, *, listed: list[Path], root: Path) -> list[Path]:
    """The tracked files of the folder that a link leads to, below the link."""
    target = (root / link).resolve().relative_to(root.resolve())
    inside = [file for file in listed if target in file.parents and (root / file).is_file()]
    if not inside:
        raise UserError(f"{link}: a link to {target}, where git tracks no file")
    return [link / file.relative_to(target) for file in inside]


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"git {words[0]} in {root}: {error.strerror}; what is sent are the files that git "
            "tracks"
        ) from error
    if done.returncode:
        raise UserError(
            f"git {words[0]} in {root}: {' '.join(done.stderr.split())[:160]}; what is sent are "
            "the files that git tracks"
        )
    return done.stdout


def _zipped(root: Path, files: list[Path], *, along: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(
                _entry(file.as_posix(), mode=(root / file).stat().st_mode & 0o755 | 0o644),
                regular(root / file).read_bytes(),
            )
        for name, content in along.items():
            archive.writestr(_entry(name, mode=0o644), content)
    return buffer.getvalue()


def _entry(name: str, *, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = mode << 16
    return entry
