"""Text from a file, as a terminal or a page shows it: short, on one line, safe."""

from collections.abc import Iterable

LONGEST = 60


def short(text: str) -> str:
    """One line without control characters, at most `LONGEST` letters of it."""
    clean = "".join(letter if letter.isprintable() else "·" for letter in text)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def labels(names: Iterable[str]) -> dict[str, str]:
    """A short label for each name, in order of appearance. Names that would be cut to the same
    label are numbered, so that a label is as good as the name."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        label, number = short(name), 1
        while label in taken:
            number += 1
            label = f"{short(name)} ({number})"
        found[name] = label
        taken.add(label)
    return found
