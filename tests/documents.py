"""The project's documents, and what they show: fenced blocks, links, commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

PATTERNS = (
    "*.md",
    "docs/**/*.md",
    "physscale/**/*.md",
    "analysis/**/*.md",
    "cluster/**/*.md",
    "experiments/**/*.md",
)
DOCUMENTS = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
HISTORY = ("CHANGELOG.md", "LOG.md")
"""They tell what commands were called at the time."""

CURRENT = [path for path in DOCUMENTS if path.name not in HISTORY]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*(?:physscale|python -m analysis) [^`\n]+)`")
_PROGRAM = re.compile(r"(?:^|\s)(physscale|python -m analysis) (.*)")


@dataclass(frozen=True)
class Shown:
    """A command that a document shows: its program, its name and the rest of its words."""

    document: str
    program: str
    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}: {self.program} {self.name} {' '.join(self.arguments)}"


def blocks(document: Path, *, language: str) -> list[str]:
    """The fenced blocks of one language."""
    found = _BLOCK.findall(document.read_text())
    return [text for shown, text in found if shown == language]


def prose(document: Path) -> str:
    """The text without its fenced blocks."""
    return _BLOCK.sub("", document.read_text())


def commands(document: Path) -> Iterator[Shown]:
    """Every command of ours, in blocks of shell and in inline code."""
    text = "\n".join(blocks(document, language="sh")).replace("\\\n", " ")
    lines = [line.partition(" #")[0] for line in text.splitlines()]
    lines += re.findall(r"^\$ (.*)", document.read_text(), flags=re.MULTILINE)
    lines += _INLINE.findall(prose(document))
    for line in lines:
        for part in re.split(r";|&&|\|| &$", line):
            found = _PROGRAM.search(part)
            if found:
                program, rest = found.groups()
                name, *arguments = shlex.split(rest)
                place = document.relative_to(ROOT).as_posix()
                yield Shown(place, program, name, tuple(arguments))
