"""Which extra of this package installs a missing module (`pip install 'physscale[train]'`), by the
package's own metadata."""

import importlib.metadata
import re

from physscale.records.errors import UserError

PACKAGE = "physscale"
_NO_ANSWER = ("", "all", "dev")
"""What is always installed, and extras that are made of others."""


def missing_extra(error: ModuleNotFoundError) -> UserError | None:
    """What to install, in one line. None if no extra brings the missing module: that is a bug in
    physscale."""
    module = (error.name or "").partition(".")[0]
    extra = extra_of(module)
    if extra is None:
        return None
    return UserError(
        f"{module}: not installed; this needs the extra {extra!r}: pip install '{PACKAGE}[{extra}]'"
    )


def extra_of(module: str) -> str | None:
    """The extra whose requirements name the distribution of a top-level module."""
    for extra, modules in extras().items():
        if extra not in _NO_ANSWER and module.lower() in modules:
            return extra
    return None


def extras() -> dict[str, set[str]]:
    """The modules that each extra brings; "" stands for what is always installed."""
    found: dict[str, set[str]] = {}
    for requirement in importlib.metadata.requires(PACKAGE) or []:
        distribution, _, condition = requirement.partition(";")
        named = re.match(r"[\w.-]+", distribution)
        assert named, requirement
        marker = re.search(r"""extra == ["']([\w-]+)["']""", condition)
        extra = marker.group(1) if marker else ""
        found.setdefault(extra, set()).add(named.group().lower().replace("-", "_"))
    return found
