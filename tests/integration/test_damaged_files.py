"""Every file that physscale writes, cut short, with a flipped bit, or in the place of another: the
damage is found and said in one line, or changes nothing."""

import shutil
from pathlib import Path

import pytest

from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from tests.damage import HARMS, Harm, Kind, damaged
from tests.damage_kinds import KINDS, RUNS, build, drive_again, tables_of

EACH = 6


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def kinds(root: Path) -> dict[str, Kind]:
    return build(root)


def test_every_kind_is_damaged(kinds: dict[str, Kind]) -> None:
    assert tuple(sorted(kinds)) == KINDS
    assert all(kind.files for kind in kinds.values())


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", KINDS)
def test_damage_is_found_or_changes_nothing(kinds: dict[str, Kind], name: str, harm: Harm) -> None:
    damaged(kinds[name], harm=harm, times=EACH, seed=f"{name} {harm.__name__}")


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_work_behind_a_ledger_that_was_cut_short_is_done_again_and_equal(
    kinds: dict[str, Kind], root: Path, tmp_path: Path, share: float
) -> None:
    shutil.copytree(root / "study", tmp_path / "study")
    store = Store(tmp_path / "study")
    content = store.ledger.read_bytes()
    store.ledger.write_bytes(content[: int(share * len(content))])
    drive_again(store)
    ended = {run: entry.state for run, entry in Ledger(store.ledger).entries().items()}
    assert ended == {run.fingerprint: State.DONE for run in RUNS}
    assert tables_of(store.root) == kinds["scores of studies"].look()
