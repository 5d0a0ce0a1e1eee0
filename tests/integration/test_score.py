"""`physscale score STUDY`: metrics that a finished run lacks are computed from its samples, and
nothing else changes, bit for bit."""

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.finished.tables import write_study_tables
from physscale.records.store import Store
from physscale.records.tables import computed_metrics, read_scores, write_scores
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from tests.tiny import tiny_run

LACKING = "radius_drift"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two finished runs and their study's tables."""
    store = Store(tmp_path_factory.mktemp("results") / "tiny")
    runs = [tiny_run(steps=4, seed=seed) for seed in (0, 1)]
    for run in runs:
        execute(run, store=store, context=PlainContext())
    write_study_tables(store, groups=dict.fromkeys(sorted(run.fingerprint for run in runs), ""))
    return store


def said(
    store: Store, *words: str, capsys: pytest.CaptureFixture[str], code: int = 0
) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["score", store.root.name, "--results", str(store.root.parent), *words])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed.err
    return printed.out, printed.err


def tables(store: Store) -> dict[str, bytes]:
    """Every table of scores and outcomes, byte for byte."""
    paths = [*store.root.rglob("scores.parquet"), *store.root.rglob("outcomes.parquet")]
    return {str(path.relative_to(store.root)): path.read_bytes() for path in sorted(paths)}


def without(path: Path) -> None:
    """The table as a version wrote it that did not know the metric."""
    scores = read_scores(path)
    kept = scores.filter(pc.not_equal(scores["metric"], LACKING))
    write_scores(path, kept, metrics=computed_metrics(path) - {LACKING})


def test_a_missing_metric_is_computed_once_and_all_else_is_as_before(
    whole: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tables(whole)
    first, second = sorted(whole.root.glob("runs/*/scores.parquet"))
    for path in (first, second):
        without(path)
    printed = json.loads(said(whole, "--dry-run", "--json", capsys=capsys)[0])
    assert (printed["scored"], printed["runs"]) == (False, 2)
    assert list(printed["missing"].values()) == [[LACKING], [LACKING]]
    assert LACKING not in read_scores(first)["metric"].to_pylist(), "a dry run writes nothing"
    said(whole, "--only", LACKING, capsys=capsys)
    assert tables(whole) == before
    printed = json.loads(said(whole, "--json", capsys=capsys)[0])
    assert printed["missing"] == {}
    assert tables(whole) == before


def test_all_again_gives_the_same_numbers(whole: Store, capsys: pytest.CaptureFixture[str]) -> None:
    before = tables(whole)
    printed = json.loads(said(whole, "--all", "--json", capsys=capsys)[0])
    assert len(printed["missing"]) == 2
    assert tables(whole) == before


def test_a_killed_command_goes_on(
    whole: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(whole)
    paths = sorted(whole.root.glob("runs/*/scores.parquet"))
    for path in paths:
        without(path)
    samples = sorted(whole.root.glob("runs/*/samples/id.arrow"))[1]
    content = samples.read_bytes()
    samples.write_bytes(content[: len(content) // 2])
    _, error = said(whole, capsys=capsys, code=5)
    assert "samples/id.arrow" in error
    lacking = [path for path in paths if LACKING not in read_scores(path)["metric"].to_pylist()]
    assert lacking == paths[1:], "the first run is done, the second is untouched"
    samples.write_bytes(content)
    printed = json.loads(said(whole, "--json", capsys=capsys)[0])
    assert len(printed["missing"]) == 1
    assert tables(whole) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", "velocity"), "metric 'velocity' is unknown; there are colour_change"),
        (("--only", "ssim"), "physscale evaluate"),
    ],
)
def test_what_cannot_be_scored_is_one_line(
    whole: Store, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, error = said(whole, *words, capsys=capsys, code=2)
    assert message in error
    assert error.count("\n") == 1


def test_a_table_of_an_older_version_is_read(whole: Store) -> None:
    """It does not say which metrics were computed: those with rows were."""
    path = next(whole.root.glob("runs/*/scores.parquet"))
    old = whole.root / "old.parquet"
    pq.write_table(read_scores(path), old)
    assert computed_metrics(old) == set(read_scores(path)["metric"].to_pylist())
