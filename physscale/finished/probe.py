"""The answers to one question of `physscale probe`: about a file of generated videos, or about
finished runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from physscale.dataset.source import open_source
from physscale.finished.model_probes import feature_record, twin_record
from physscale.finished.probe_words import Question, Record
from physscale.finished.probes import (
    ProbedVideos,
    attribute_record,
    hull_record,
    memory_record,
    probed_file,
    probed_videos,
)
from physscale.finished.runs import Finished, finished_runs
from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.scheduling.gpus import Device
from physscale.simulate.scenario import Attribute

__all__ = ["probe_file", "probe_runs"]

Pair = tuple[Attribute, Attribute]

_OF_VIDEOS: dict[Question, Callable[[Sequence[ProbedVideos]], Record]] = {
    "memory": memory_record,
    "hull": hull_record,
}
_OF_MODELS: dict[Question, Callable[[Finished, Device], Record]] = {
    "twins": twin_record,
    "features": feature_record,
}


def probe_file(
    samples: Path, *, what: Question, trained: Path | None, pair: str, condition_frames: int
) -> Record:
    """The answer about the generated videos in a file.

    Args:
        trained: the training rows.
        pair: the crossed attributes as "A,B", for `attributes`; else empty.

    Raises:
        UserError: if the question needs a model or the answer needs an option that is missing.
    """
    if what in _OF_MODELS:
        raise UserError(
            f"{samples}: a file holds no model; {' and '.join(_OF_MODELS)} need a study's folder"
        )
    if trained is None:
        raise UserError(f"{samples}: say with --trained DATA what the model was trained on")
    chosen = _pair(pair)
    if what == "attributes" and chosen is None:
        raise UserError(
            "--what attributes of a file needs --pair A,B with two of "
            f"{', '.join(get_args(Attribute))}"
        )
    probed = probed_file(
        open_source(samples),
        name=samples.name,
        training=open_source(trained).states,
        condition_frames=condition_frames,
        pair=chosen,
    )
    if what == "attributes":
        return attribute_record([probed])
    return {"runs": [{"run": samples.name, **_OF_VIDEOS[what]([probed])}]}


def probe_runs(results: Path, *, what: Question, beginnings: list[str], device: Device) -> Record:
    """The answer about the finished runs in a study's folder.

    Args:
        beginnings: of the runs' fingerprints; empty for all runs.
        device: where models and codecs compute.

    Raises:
        UserError: if there is no such folder or run, or the question does not apply to the runs.
    """
    if not results.is_dir():
        raise UserError(f"{results}: neither a study's folder nor a file of videos")
    runs = finished_runs(Store(results), beginnings=beginnings)
    if what == "attributes":
        return attribute_record(
            [videos for run in runs for videos in probed_videos(run, device=device)]
        )
    if what in _OF_MODELS:
        return {"runs": [_OF_MODELS[what](run, device) for run in runs]}
    return {
        "runs": [
            {"run": run.name, **_OF_VIDEOS[what](list(probed_videos(run, device=device)))}
            for run in runs
        ]
    }


def _pair(text: str) -> Pair | None:
    if not text:
        return None
    known: dict[str, Attribute] = {name: name for name in get_args(Attribute)}
    names = text.split(",")
    if len(names) != 2 or len(set(names)) != 2 or not set(names) <= set(known):
        raise UserError(
            f"--pair {text[:40]!r}: name two different ones of {', '.join(known)}, as colour,size"
        )
    return known[names[0]], known[names[1]]
