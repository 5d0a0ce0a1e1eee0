"""Secrets of the environment are neither printed nor stored."""

from pathlib import Path

import pytest

from physscale.cli.main import main

CANARY = "canary-7f3a9c51d2"
SECRETS = ("WANDB_API_KEY", "RAY_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD")
STUDY = ["quickstart", "--only", "size", "--backend", "plain"]
SMALL = [
    "train.steps=2",
    "data.videos=8",
    "train.batch=4",
    "test_splits.*.data.videos=2",
    "codec.corpus.videos=64",
]


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("PHYSSCALE_TRACKER", "none")


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", *STUDY[:3], *SMALL],
        ["plan", "quickstart", "train.steps=${oc.env:MY_PASSWORD}"],
        ["plan", "quickstart", "data.scenario.speed_m_s=${oc.env:MY_PASSWORD}"],
        ["plan", "${oc.env:MY_PASSWORD}"],
        ["plan", "quickstart", "--machine", "${oc.env:MY_PASSWORD}"],
        ["doctor"],
        ["status", "quickstart"],
    ],
    ids=" ".join,
)
def test_no_command_says_one(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [] if arguments == ["doctor"] else ["--results", str(tmp_path)]
    with pytest.raises(SystemExit):
        main([*arguments, *where])
    out, err = capsys.readouterr()
    assert CANARY not in out + err


def test_no_file_of_a_study_holds_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *STUDY, *SMALL, "--results", str(tmp_path)])
    out, err = capsys.readouterr()
    assert not ended.value.code, err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert CANARY not in out + err
