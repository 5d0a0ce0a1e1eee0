"""A damaged file in a study's folder, met through any command: one line that names the file, or the
answer of an undamaged study. Never a traceback, never a second line."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from physscale.study.spec import Study
from tests.command_line import said
from tests.damage import Kind
from tests.damage_kinds import KINDS, RUNS, build

STUDY, PATH, HERE = "STUDY", "PATH", "HERE"
ONE, OTHER = (run.fingerprint[:12] for run in RUNS)
COMMANDS: dict[str, tuple[str, ...]] = {
    "plan": ("plan", STUDY),
    "run": ("run", STUDY, "--backend", "plain"),
    "encode": ("encode", STUDY, "--dry-run"),
    "status": ("status", STUDY),
    "metrics": ("metrics", STUDY),
    "metrics of a run": ("metrics", STUDY, ONE),
    "logs": ("logs", STUDY, ONE),
    "diff": ("diff", ONE, OTHER),
    "retry": ("retry", STUDY, "--dry-run"),
    "gc": ("gc", STUDY, "--dry-run"),
    "score": ("score", STUDY),
    "dashboard": ("dashboard", STUDY),
    "push": ("push", STUDY, HERE),
    "report": ("report", PATH, "--out", HERE),
    "figures": ("figures", PATH, "--out", HERE),
    "evaluate": ("evaluate", PATH),
    "probe": ("probe", PATH, "--what", "memory"),
}
HARMS: dict[str, Callable[[bytes], bytes]] = {
    "words": lambda _: b"to be or not to be\n" * 9,
    "half": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "binary": lambda _: bytes(range(256)) * 40,
    "null": lambda _: b"null\n",
    "list": lambda _: b"[1, [2]]\n",
    "other": lambda _: b'{"runs": [{"fingerprint": 3}]}\n',
    "object": lambda _: b'{"state": 7, "run": [], "time_s": "x", "type": null}\n',
    "flipped": lambda content: content[:99] + bytes([content[99] ^ 64]) + content[100:],
}
ENDINGS = (0, 1, 2, 3, 5)
INSIDE = tuple(kind for kind in KINDS if not kind.startswith("data with") and kind != "draws")
ALL = [(kind, command) for kind in INSIDE for command in COMMANDS]
EACH = 3
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Kind]]:
    root = tmp_path_factory.mktemp("whole")
    kinds = build(root)
    (root / "study").rename(root / "damaged")
    return root / "damaged", kinds


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`damaged` is a study of the project."""
    module = ModuleType("experiments.damaged")
    module.study = Study(name="damaged", question="Is it found?", groups={"seeds": RUNS})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "experiments.damaged", module)
    for place in ("spec", "compare"):
        monkeypatch.setattr(f"physscale.study.{place}.study_names", lambda: ["damaged"])
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)


@pytest.mark.filterwarnings("ignore:.*Pydantic V1 style:DeprecationWarning")  # wandb-workspaces
@pytest.mark.parametrize(("kind", "command"), ALL)
def test_a_damaged_file_is_one_line(
    kind: str,
    command: str,
    whole: tuple[Path, dict[str, Kind]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, kinds = whole
    first = ALL.index((kind, command)) % len(HARMS)
    for number in range(EACH):
        harm, change = list(HARMS.items())[(first + number * EACH) % len(HARMS)]
        results = tmp_path / str(number)
        shutil.copytree(root, results / "damaged", symlinks=True)
        words = {
            STUDY: "damaged",
            PATH: str(results / "damaged"),
            HERE: str(tmp_path / f"out{number}"),
        }
        called = [words.get(word, word) for word in COMMANDS[command]]
        if "PATH" not in COMMANDS[command]:
            called += ["--results", str(results)]
        for old in kinds[kind].files[:2]:
            place = results / "damaged" / Path(old).relative_to(root.parent / "study")
            place.write_bytes(change(place.read_bytes()))
        code, _, err = said(called, capsys)
        refused = [line for line in err.splitlines() if line.startswith("physscale: ")]
        assert code in ENDINGS, (harm, err)
        assert "Traceback" not in err, (harm, err)
        assert len(refused) == (code in (2, 5)), (harm, err)
        names = {kind, *(file.name for file in kinds[kind].files[:2])}
        assert all(any(name in line for name in names) for line in refused), (harm, err)
