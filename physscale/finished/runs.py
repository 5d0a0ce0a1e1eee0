"""Finished runs, opened from their own folders: description, model, codec and samples. No study
file is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physscale.codec.protocol import Codec
from physscale.dataset.file import VideoFile, open_videos, run_of
from physscale.model.backbone import Backbone
from physscale.records.errors import DamagedData, UserError
from physscale.records.json_file import read_json
from physscale.records.spec import from_plain, short
from physscale.records.store import RunFolder, Store
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.cost import cost
from physscale.run.spec import RunSpec, TestSplit
from physscale.scheduling.gpus import Device
from physscale.simulate.simulate import simulate
from physscale.train.checkpoint import folder_at, latest, load_model


@dataclass(frozen=True)
class Finished:
    """A run whose tables have been written."""

    run: RunSpec
    store: Store

    @property
    def folder(self) -> RunFolder:
        return self.store.run(self.run.fingerprint)

    @property
    def name(self) -> str:
        return self.run.fingerprint[:12]

    def model(self, *, device: Device) -> Backbone:
        """The averaged model of the newest checkpoint, on this device.

        Raises:
            DamagedData: if no checkpoint passes its check.
        """
        newest = latest(self.folder.checkpoints)
        if newest is None or newest != folder_at(
            self.folder.checkpoints, step=self.run.train.steps
        ):
            raise DamagedData(
                f"{self.folder.checkpoints}: no undamaged checkpoint of step "
                f"{self.run.train.steps}, the last; move its folder away, and run again"
            )
        return load_model(newest, run=self.run.fingerprint).to(device)

    def codec(self, *, device: Device) -> Codec:
        return codec_of(self.run, store=self.store, context=PlainContext(device=device))

    def training(self) -> Videos:
        """The states of the training rows."""
        return simulate(self.run.data, indices=np.arange(self.run.data.videos))

    def samples(self, split: TestSplit) -> VideoFile:
        """The samples of this test split: true rows with generated frames.

        Raises:
            DamagedData: if they are damaged, or of another run or split.
        """
        path = self.folder.samples(split.data.split)
        samples = open_videos(path)
        states, named = samples.states, run_of(path) or self.run.fingerprint
        if named != self.run.fingerprint or set(states.split) != {split.data.split}:
            raise DamagedData(
                f"{path}: samples of split {states.split[0]} of run {short(named)}; put it back "
                "where it belongs, or move the run's folder away and run again"
            )
        return samples

    def true_frames(self, videos: Videos, *, codec: Codec) -> np.ndarray:
        """The rows' true frames after the codec: the result of a perfect model."""
        return codec.decode(codec.encode(render(videos, canvas=self.run.canvas)))


def finished_runs(store: Store, *, beginnings: list[str]) -> list[Finished]:
    """The finished runs whose fingerprints start with one of `beginnings`; all runs if it is empty.

    Raises:
        UserError: if no run is finished, or a beginning fits no run or several.
    """
    names = sorted(path.parent.name for path in store.root.glob("runs/*/scores.parquet"))
    if not names:
        raise UserError(
            f"{store.root}: no finished run; give a study's folder, as results/quickstart"
        )
    chosen = []
    for beginning in beginnings:
        fitting = [name for name in names if name.startswith(beginning)]
        if len(fitting) != 1:
            raise UserError(
                f"run {beginning[:40]!r}: {len(fitting)} finished runs in {store.root} begin so; "
                f"there are {', '.join(names[:6])}"
            )
        chosen += fitting
    return [
        Finished(read_run(RunFolder(store.root / "runs" / name)), store) for name in chosen or names
    ]


def read_run(folder: RunFolder) -> RunSpec:
    """The run that `run.json` describes.

    Raises:
        DamagedData: if it is missing or unreadable.
        UserError: if its fingerprint differs in this version of physscale, or its scenario is
            unknown.
    """
    try:
        record = read_json(folder.spec)
        run = from_plain(RunSpec, record["spec"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedData(
            f"{folder.spec}: no readable description of a run ({type(error).__name__})"
        ) from error
    if short(record["fingerprint"]) != folder.root.name:
        raise DamagedData(
            f"{folder.spec}: describes run {short(record['fingerprint'])}, which lies elsewhere"
        )
    if run.fingerprint != record["fingerprint"]:
        raise UserError(
            f"{folder.spec}: a run of another version of physscale; its description has another "
            "fingerprint here"
        )
    return run


def largest(runs: Sequence[Finished]) -> list[Finished]:
    """Per scenario, the run with the most parameters, videos, steps and combinations, and of
    several seeds the first."""
    best: dict[str, Finished] = {}
    for one in sorted(runs, key=lambda one: one.run.seed):
        name = one.run.data.scenario.name
        if name not in best or _extent(one.run) > _extent(best[name].run):
            best[name] = one
    return list(best.values())


def _extent(run: RunSpec) -> tuple[int, ...]:
    return (cost(run).parameters, run.data.videos, run.train.steps, run.combinations)
