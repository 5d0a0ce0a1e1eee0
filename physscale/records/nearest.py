"""What a person may have meant by a name that is not there."""

import difflib
from collections.abc import Sequence

_SHOWN = 6


def nearest(name: str, known: Sequence[str]) -> str:
    """The nearest known name as a question, or a few of them: a message is one line."""
    if close := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {close[0]!r}?"
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"there are: {', '.join(known[:_SHOWN])}{more}" if known else "there are none"
