"""The kinds of one protocol, by the name under which each is written, built in or from a plug-in.

A scenario, a codec, a backbone, an objective or a metric can be added from outside the package: a
module registers it. `PHYSSCALE_PLUGINS=my_package.pendulum` (modules separated by commas), or an
entry point in the group `physscale.plugins`, has that module imported wherever a name is looked up.
"""

import importlib
import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from physscale.records.errors import UserError

__all__ = ["PLUGINS", "Registry", "load_plugins", "registry_of"]

PLUGINS = "PHYSSCALE_PLUGINS"
"""The environment variable with the modules to import."""

GROUP = "physscale.plugins"

Entry = TypeVar("Entry")

_BY_PROTOCOL: dict[object, "Registry[type]"] = {}


class Registry(Generic[Entry]):
    """Entries by name.

    Args:
        what: the word for an entry in an error message, as in "scenario".
        name_of: the name under which an entry is looked up.
        built_in: the module whose import registers the entries that come with the package.
        protocol: the type hint whose values are these entries, for `records.spec.from_plain`.
    """

    def __init__(
        self,
        what: str,
        *,
        name_of: Callable[[Entry], str],
        built_in: str,
        protocol: object = None,
    ) -> None:
        self.what, self._name_of, self._built_in = what, name_of, built_in
        self._entries: dict[str, Entry] = {}
        if protocol is not None:
            _BY_PROTOCOL[protocol] = self  # type: ignore[assignment]

    def register(self, entry: Entry) -> Entry:
        """Add an entry; also a class decorator. Two entries must not share a name."""
        name = self._name_of(entry)
        assert self._entries.get(name, entry) is entry, f"two kinds of {self.what} named {name!r}"
        self._entries[name] = entry
        return entry

    def named(self, name: str) -> Entry:
        """The entry of this name.

        Raises:
            UserError: for a name that nothing registered.
        """
        found = self.entries().get(name)
        if found is None:
            raise UserError(
                f"{self.what} {name[:80]!r} is unknown; there are "
                f"{', '.join(sorted(self._entries))}; name the module that registers another one "
                f"in {PLUGINS}"
            )
        return found

    def entries(self) -> dict[str, Entry]:
        """All of them, by name, in the order in which they were registered."""
        importlib.import_module(self._built_in)
        load_plugins()
        return dict(self._entries)


def registry_of(hint: object) -> "Registry[type] | None":
    """The registry of the kinds that fulfil this protocol, if there is one."""
    return _BY_PROTOCOL.get(hint)


def load_plugins() -> None:
    """Import every module that brings kinds of its own.

    Raises:
        UserError: for a module that cannot be imported.
    """
    for module in (os.environ.get(PLUGINS) or "").split(","):
        if module.strip():
            _load(module.strip())
    for module in _installed():
        _load(module)


@cache
def _installed() -> tuple[str, ...]:
    return tuple(point.value for point in entry_points(group=GROUP))


def _load(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"{PLUGINS}={module[:80]!r}: {error}; it must be a module") from error
