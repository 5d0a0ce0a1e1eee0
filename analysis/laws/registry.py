"""Every law by name. A new law is a file in this folder whose constant is listed in `_FILES`."""

from importlib import import_module

from analysis.laws.law import Law
from physscale.records.errors import UserError

_FILES = ("power", "coupled", "repeat", "broken", "bounded", "ratio")


def laws() -> dict[str, Law]:
    """All laws, in the order of the files."""
    found = [law for file in _FILES for law in import_module(f"analysis.laws.{file}").LAWS]
    return {law.name: law for law in found}


def law_named(name: str) -> Law:
    """One law.

    Raises:
        UserError: naming the laws there are.
    """
    known = laws()
    if name not in known:
        raise UserError(f"--law {name!r}: unknown; choose one of {', '.join(known)}")
    return known[name]
