"""Every file that physscale writes, cut short, with a flipped bit, or in the place of another: the
damage is found and said in one line, or changes nothing."""

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.damage import Kind, build, ending, flipped, restored, truncated

KINDS = (
    "checkpoint",
    "codec",
    "data with frames",
    "data with palette",
    "data with states",
    "history",
    "latents",
    "ledger",
    "run.json",
    "samples",
    "scores of runs",
    "scores of studies",
    "study.json",
)
EACH = 6


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return build(tmp_path_factory.mktemp("whole"))


def test_every_kind_is_damaged(kinds: dict[str, Kind]) -> None:
    assert tuple(sorted(kinds)) == KINDS
    assert all(kind.files for kind in kinds.values())


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("harm", [truncated, flipped])
def test_damage_is_found_or_changes_nothing(kinds: dict[str, Kind], name: str, harm) -> None:
    kind, chance = kinds[name], random.Random(f"{name} {harm.__name__}")
    before = kind.look()
    assert kind.look() == before
    for _ in range(EACH):
        file = chance.choice(kind.files)
        with restored(file):
            file.write_bytes(harm(file.read_bytes(), chance=chance))
            how, said = ending(kind, before=before)
            assert how in ("found", "harmless"), (file, said)
