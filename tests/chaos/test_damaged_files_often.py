"""Damage to every kind of file: 204 cuts, 507 flipped bits and 51 swaps in three seeds."""

import pytest

from tests.chaos.conftest import SEEDS, Figures
from tests.damage import Harm, Kind, damaged, flipped, swapped, truncated
from tests.damage_kinds import KINDS, build

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
TIMES = {truncated: 6, flipped: 13, swapped: 2}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return build(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("harm", TIMES, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("name", KINDS)
def test_damage_is_found_or_changes_nothing(
    kinds: dict[str, Kind], name: str, harm: Harm, seed: int, figures: Figures
) -> None:
    endings = damaged(
        kinds[name], harm=harm, times=TIMES[harm], seed=f"{seed} {name} {harm.__name__}"
    )
    assert SEEDS
    figures.count(f"{name}: damaged", injected=endings.total())
