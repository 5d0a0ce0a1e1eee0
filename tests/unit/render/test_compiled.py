"""Nothing need be writable for the package to work."""

from pathlib import Path

import pytest
from numba.core.caching import CacheImpl

from physscale.render.compiled import compiled
from tests.paths import ROOT


def test_without_a_place_for_its_cache_a_function_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Numba finds a read-only container, where its own decorator ends every import."""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert compiled(lambda number: number + 1)(1) == 2


def test_every_function_is_compiled_so() -> None:
    files = [path for path in (ROOT / "physscale").rglob("*.py") if "njit" in path.read_text()]
    assert [path.relative_to(ROOT) for path in files] == [Path("physscale/render/compiled.py")]
