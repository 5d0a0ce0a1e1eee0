"""Where a study's files lie, and how one is written: complete or invisible.

```
results/STUDY/
  study.json  ledger.jsonl           scores.parquet  outcomes.parquet  metrics.json
  frames.parquet  frame_scores.parquet                report/index.html
  ray.log  watchdog.log              what Ray said; who waited for what
  codecs/FP12/                       codec.safetensors  codec.json  manifest.json
  codecs/FP12.training/step_00001000/    a codec whose training is not finished
  latents/FP12/                      shard_00000000.arrow ...
  weights/SHA256                     files that a codec begins with, named by their content
  runs/FP12/                         run.json  metrics.jsonl  codec_fit.jsonl
                                     scores.parquet  outcomes.parquet
  runs/FP12/checkpoints/step_00001500/   model.safetensors ... manifest.json
  runs/FP12/samples/SPLIT.arrow      runs/FP12/videos/SPLIT.mp4
  runs/FP12/frames/                  SPLIT.parquet  SPLIT.scores.parquet
                                     SPLIT.worst.mp4  SPLIT.best.mp4
  runs/FP12/scoring/                 while the run is scored: tables of its splits
```

A folder is written under a temporary name. Every file is fsynced, the manifest (sizes and SHA-256)
comes last, and then the folder is renamed. A reader trusts only a folder whose manifest verifies:
neither safetensors nor `torch.load` notices a flipped bit."""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from physscale.records.errors import DamagedData, UserError, cannot_write
from physscale.records.fault import point
from physscale.records.json_value import parsed
from physscale.records.leaving import clear_away
from physscale.records.regular import regular
from physscale.records.spec import short

MANIFEST = "manifest.json"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What a study or split may be called: safe in every file system and URL, never a path."""


class _File:
    """A file with a fixed place below a folder's `root`."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get__(self, folder: "Store | RunFolder", kind: type) -> Path:
        return folder.root.joinpath(*self._names)


@dataclass(frozen=True)
class Store:
    """The paths of one study below `root` (usually `results/STUDY`)."""

    root: Path

    study = _File("study.json")
    ledger = _File("ledger.jsonl")
    scores = _File("scores.parquet")
    outcomes = _File("outcomes.parquet")
    metric_table = _File("metrics.json")
    """The metrics of plug-ins: their words and units."""

    frames = _File("frames.parquet")
    frame_scores = _File("frame_scores.parquet")
    report = _File("report", "index.html")

    def codec(self, full: str) -> Path:
        return self.root / "codecs" / short(full)

    def codec_training(self, full: str) -> Path:
        """The checkpoints of a codec's training; there while it is not finished."""
        return self.root / "codecs" / f"{short(full)}.training"

    def weights(self, sha256: str) -> Path:
        """The copy of the file with this content, visible to all nodes."""
        return self.root / "weights" / sha256

    def latents(self, full: str) -> Path:
        """Latents of training videos, as `physscale encode` writes them."""
        return self.root / "latents" / short(full)

    def run(self, full: str) -> "RunFolder":
        return RunFolder(self.root / "runs" / checked_name(short(full), what="run"))


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run."""

    root: Path

    spec = _File("run.json")
    metrics = _File("metrics.jsonl")
    codec_fit = _File("codec_fit.jsonl")
    """History of the codec's training, if this run trains it."""

    checkpoints = _File("checkpoints")
    scores = _File("scores.parquet")
    outcomes = _File("outcomes.parquet")

    @property
    def scoring(self) -> Path:
        """The tables of single test splits, until all are there."""
        return self.root / "scoring"

    def samples(self, split: str) -> Path:
        return self.root / "samples" / f"{checked_name(split, what='split')}.arrow"

    def video(self, split: str) -> Path:
        return self.root / "videos" / f"{checked_name(split, what='split')}.mp4"

    def frames(self, split: str, *, suffix: str) -> Path:
        """What `physscale evaluate STUDY` writes for a split."""
        return self.root / "frames" / f"{checked_name(split, what='split')}{suffix}"


def checked_name(name: str, *, what: str) -> str:
    """The name itself, if it can safely be a folder's.

    Raises:
        UserError: if it is not `[a-z0-9][a-z0-9._-]{0,63}`.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{what} {name[:80]!r}: use 1 to 64 of a-z 0-9 . _ - and start with a letter or digit"
        )
    return name


def checked_folder(path: Path) -> Path:
    """The path itself, if it is or may become a folder of a file system.

    Raises:
        UserError: for a file, and for the URI of a bucket: runs append and lock, which a bucket
            cannot.
    """
    if os.path.lexists(path) and not path.is_dir():
        raise UserError(
            f"{path}: no folder, and results lie in one; choose another place, or make this one "
            "writable"
        )
    if path.parts and path.parts[0].endswith(":"):
        raise UserError(
            f"{str(path)[:80]!r}: runs work in a folder; `physscale push STUDY URI` copies a "
            "study to a bucket, `pull` brings it back"
        )
    return path


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader always sees either the old bytes or the new ones.

    Raises:
        UserError: if the place cannot be written (read-only, full, no permission).
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            point("file begun")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        point("file written")
        temporary.replace(path)
    except BaseException as error:  # a signal too
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise
    _sync_folder(path.parent)


def check_place(path: Path) -> None:
    """Makes the folder of a file that costs hours, and tries it before they are spent.

    Raises:
        UserError: if the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise cannot_write(path, error) from error


@contextlib.contextmanager
def write_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder. If the block ends without an exception, the folder becomes
    `path` with its manifest, in one rename.

    A folder already at `path` is replaced. Temporary folders that a killed writer left beside it
    are removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(stale)
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.tmp"
    temporary.mkdir()
    try:
        yield temporary
        files = sorted(item for item in temporary.rglob("*") if item.is_file())
        publish(
            temporary,
            path=path,
            files={str(item.relative_to(temporary)): describe(item) for item in files},
        )
    except BaseException:
        clear_away(temporary)
        raise


def publish(temporary: Path, *, path: Path, files: dict[str, dict[str, object]]) -> None:
    """Write the manifest of a temporary folder beside `path` and rename it to `path`; `files` as
    `describe` describes them."""
    write_atomic(temporary / MANIFEST, json.dumps({"files": files}, indent=1).encode())
    point("folder described")
    if path.exists():
        remove_folder(path)
    temporary.rename(path)
    point("folder renamed")
    _sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Delete a folder so that no reader sees half of it, even if this process is killed."""
    retired = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.tmp"
    path.rename(retired)
    point("folder retired")
    shutil.rmtree(retired)


def read_folder(path: Path, *, mend: str = "run the command that wrote it again") -> Path:
    """`path` itself, after checking every file against the size and SHA-256 in its manifest.

    Args:
        mend: what to do with a damaged one.

    Raises:
        DamagedData: naming the first file that differs.
    """
    try:
        manifest = parsed(regular(path / MANIFEST).read_bytes())["files"]
        items = {name: (entry["bytes"], entry["sha256"]) for name, entry in manifest.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"{path}: no readable {MANIFEST} ({type(error).__name__}); {mend}"
        ) from error
    for name, (size, digest) in items.items():
        file = path / name
        if not file.is_file() or file.stat().st_size != size or sha256_of(file) != digest:
            raise DamagedData(
                f"{file}: not what {MANIFEST} says (SHA-256 {digest[:12]}, {size} bytes); {mend}"
            )
    return path


def describe(file: Path) -> dict[str, object]:
    """The size and SHA-256 of a file, which is on the disk afterwards."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    return {"bytes": file.stat().st_size, "sha256": sha256_of(file)}


def sha256_of(file: Path) -> str:
    """The SHA-256 of the file's bytes.

    Raises:
        OSError: with the file's name, which those of a broken disk lack.
    """
    with regular(file).open("rb") as opened:
        try:
            return hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
