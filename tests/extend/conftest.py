"""A module of plug-ins is forgotten after its tests: the tests of other files meet the kinds of the
package alone, whatever ran before in their process."""

import inspect
import sys
from collections.abc import Iterator

import pytest

from physscale.records.registry import Registry
from tests.paths import ROOT

EXTEND = str(ROOT / "docs" / "extend")


def plugins() -> set[str]:
    """The names of the example modules that are imported."""
    return {
        name
        for name, module in list(sys.modules.items())
        if (vars(module).get("__file__") or "").startswith(EXTEND)
    }


def registries() -> list[Registry[object]]:
    """Every registry that some module holds."""
    held = [value for module in list(sys.modules.values()) for value in vars(module).values()]
    return list({id(value): value for value in held if isinstance(value, Registry)}.values())


@pytest.fixture(scope="module", autouse=True)
def plugins_forgotten() -> Iterator[None]:
    yield
    gone = plugins()
    for registry in registries():
        for name, entry in list(registry._entries.items()):
            kind = entry if inspect.isclass(entry) else type(entry)
            if kind.__module__ in gone:
                del registry._entries[name]
    for name in gone:
        del sys.modules[name]
