"""A pipe or an endless device in the place of a file inside a study or a data set: the
command ends, and says which file it is if it needs that file."""

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from physscale.cli.main import main
from tests.command_line import said
from tests.paths import ROOT

SPECIAL: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "endless": lambda path: path.symlink_to("/dev/zero"),
}
pytestmark = pytest.mark.timeout(60)
RUN = "09be5e31fcfe"
STUDY = ("quickstart", "--results", "{root}")
COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status", *STUDY),
    "metrics": ("metrics", *STUDY),
    "logs": ("logs", *STUDY),
    "retry": ("retry", *STUDY, "--only", "failed"),
    "gc": ("gc", *STUDY),
    "plan": ("plan", *STUDY),
    "score": ("score", *STUDY, "--dry-run"),
    "push": ("push", "quickstart", "file://{root}/copy", "--results", "{root}"),
    "check": ("check", "{root}/data"),
    "check against": ("check", "{root}/small.arrow", "--against", "{root}/data"),
    "show": ("show", "{root}/data", "--out", "{root}/show"),
    "simulate": ("simulate", "uniform", "--videos=2", "--size=16", "--out={root}/data"),
}
OF_DATA = ("check", "check against", "show", "simulate")
STUDY_FILES = (
    *("ledger.jsonl", "study.json", f"runs/{RUN}/run.json"),
    *("outcomes.parquet", "scores.parquet", "frames.parquet", "frame_scores.parquet"),
    *(f"runs/{RUN}/{name}" for name in ("scores.parquet", "outcomes.parquet")),
    *(f"runs/{RUN}/checkpoints/step_00001500/{name}" for name in ("state.json", "manifest.json")),
)
DATA_FILES = ("dataset.json", "manifest.json", "shard_00000000.arrow")
ALL = [
    (call, file, kind)
    for call in COMMANDS
    for file in (DATA_FILES if call in OF_DATA else STUDY_FILES)
    for kind in SPECIAL
]
FEW = [
    case
    for case in ALL
    if case[0] in ("check", "simulate") or case[:2] == ("status", "ledger.jsonl")
]
"""The default share."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    with pytest.raises(SystemExit, match="0"):
        main(["simulate", "uniform", "--videos=2", "--size=16", f"--out={root / 'data'}"])
    shutil.copy(root / "data" / DATA_FILES[2], root / "small.arrow")
    with tarfile.open(ROOT / "tests" / "golden" / "results" / "quickstart_0.1.tar.xz") as archive:
        archive.extractall(root, filter="data")
    return root


@pytest.mark.parametrize(
    ("call", "file", "kind"),
    [pytest.param(*case, marks=() if case in FEW else pytest.mark.slow) for case in ALL],
)
def test_no_command_waits_for_what_is_no_file(
    call: str,
    file: str,
    kind: str,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    root = tmp_path / "root"
    shutil.copytree(whole, root)
    place = root / ("data" if call in OF_DATA else "quickstart") / file
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    SPECIAL[kind](place)
    code, _, err = said([word.format(root=root) for word in COMMANDS[call]], capsys)
    assert code in (0, 2, 5), err
    assert code == 0 or err.count("physscale: ") == 1, err
    assert code == 0 or place.name in err, err
