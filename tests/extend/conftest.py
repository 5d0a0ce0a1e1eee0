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
    files = {name: vars(module).get("__file__") for name, module in sys.modules.items()}
    return {name for name, file in files.items() if file and str(file).startswith(EXTEND)}


def registries() -> list[Registry[object]]:
    """Every registry that a module of the project holds."""
    ours = ("physscale.", "analysis.")
    modules = [module for name, module in sys.modules.items() if name.startswith(ours)]
    held = [value for module in modules for value in vars(module).values()]
    return list({id(value): value for value in held if type(value) is Registry}.values())


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
