"""`KEY=VALUE` on the command line, over the fields of a run."""

from pathlib import Path

from physscale.study.overrides import overridden
from physscale.study.spec import Study
from tests.tiny import tiny_run

STUDY = Study(name="tiny", question="?", groups={"all": (tiny_run(),)})


def seeds() -> list[bytes]:
    return [
        b"train.steps=0100",
        b"data.scenario.speed_m_s=[[1, 2.5]]",
        b"test_splits.*.data.videos=7",
        b"model.width=1e400",
        b"codec.spec.components=8",
        b"train.optimizer=muon",
        b"seed=~",
    ]


def read(data: bytes, folder: Path) -> None:
    overridden(STUDY, overrides=[data.decode("utf-8", errors="surrogateescape")])
