"""Weights that a recipe names by their SHA-256.

What the weights are is part of a run's description; where they lie is not. `PHYSSCALE_WEIGHTS`
lists files or folders. The driver looks for each file there, checks that it fits, and copies it to
`results/STUDY/weights/SHA256`. Every node sees that place, so no worker needs the variable."""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from physscale.records.errors import DamagedData, UserError
from physscale.records.store import MANIFEST, Store, sha256_of
from physscale.run.spec import CodecRecipe, RunSpec

__all__ = ["VARIABLE", "check_weights", "keep_weights", "kept_weights"]

VARIABLE = "PHYSSCALE_WEIGHTS"
SUFFIXES = (".safetensors", ".pth")
FILES_LISTED = 4


def check_weights(runs: Iterable[RunSpec], *, store: Store) -> list[str]:
    """Lines of a plan about files that are not among the results yet: where each was found, or
    that `PHYSSCALE_WEIGHTS` has to be set.

    Raises:
        UserError: if the variable is set and a file is not found, or does not fit its recipe.
    """
    runs = list(runs)
    missing = _missing(runs, store=store)
    if not os.environ.get(VARIABLE):
        return [
            f"weights {sha256[:12]}: to run this, set {VARIABLE} to the file with this SHA-256, "
            "or its folder"
            for sha256 in missing
        ]
    found = {sha256: _find(sha256) for sha256 in missing}
    for recipe in {run.codec_fingerprint: run.codec for run in runs}.values():
        _check(recipe, found=found)
    return [f"weights {sha256[:12]}: {path}" for sha256, path in found.items()]


def keep_weights(runs: Iterable[RunSpec], *, store: Store) -> None:
    """Copies files that are missing among the results.

    Raises:
        UserError: if a file is not found.
    """
    for sha256 in _missing(runs, store=store):
        _copy(_find(sha256), to=store.weights(sha256))


def kept_weights(sha256: str, *, store: Store) -> Path:
    """The copy among the results, made now if the driver has not made it, or if it is damaged.

    Raises:
        UserError: if the file is not found.
        DamagedData: if it changes while it is copied.
    """
    kept = store.weights(sha256)
    if kept.exists() and sha256_of(kept) == sha256:
        return kept
    _copy(_find(sha256), to=kept)
    if sha256_of(kept) != sha256:
        raise DamagedData(f"{kept}: changed while it was copied; run the same command again")
    return kept


def _missing(runs: Iterable[RunSpec], *, store: Store) -> list[str]:
    """SHA-256 of the files that these runs' codecs need, unless codec or file is among the
    results."""
    fits = [run for run in runs if not (store.codec(run.codec_fingerprint) / MANIFEST).exists()]
    names = dict.fromkeys(name for run in fits for name in _named(run.codec))
    return [name for name in names if not store.weights(name).exists()]


def _named(recipe: CodecRecipe) -> Iterator[str]:
    if recipe.weights is not None:
        yield recipe.weights
    if (
        recipe.training is not None
        and recipe.training.perceptual_weight
        and recipe.training.perceptual != "st_lpips"
    ):
        yield recipe.training.perceptual


def _find(sha256: str) -> Path:
    """The file with this SHA-256 among those that the variable lists."""
    listed = os.environ.get(VARIABLE, "")
    if not listed:
        raise UserError(
            f"weights {sha256[:12]}: set {VARIABLE} to the file with this SHA-256, or to its "
            f"folder; several with {os.pathsep}"
        )
    seen = {}
    for place in map(Path, filter(None, listed.split(os.pathsep))):
        if not place.exists():
            raise UserError(f"{VARIABLE}: {place}: no such file or folder")
        files = (
            [place]
            if place.is_file()
            else sorted(path for path in place.iterdir() if path.suffix in SUFFIXES)
        )
        for file in files:
            seen[file] = sha256_of(file)
            if seen[file] == sha256:
                return file
    there = (
        ", ".join(f"{file} is {found[:12]}" for file, found in list(seen.items())[:FILES_LISTED])
        or f"no {' or '.join(SUFFIXES)} is there"
    )
    raise UserError(
        f"weights {sha256[:12]}: {VARIABLE}={listed} has no file with this SHA-256; {there}"
    )


def _check(recipe: CodecRecipe, *, found: dict[str, Path]) -> None:
    """Raises UserError if a file does not fit the recipe."""
    if recipe.weights in found:
        recipe.spec.check_weights(found[recipe.weights])
    if recipe.training is not None and recipe.training.perceptual in found:
        from physscale.evaluate.frames.perceptual import lpips

        lpips(found[recipe.training.perceptual])


def _copy(path: Path, *, to: Path) -> None:
    temporary = to.with_name(f".{to.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, temporary)
        temporary.replace(to)
    except OSError as error:
        raise UserError(
            f"cannot copy {path} to {to}: {error.strerror}; choose another place with --results"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
