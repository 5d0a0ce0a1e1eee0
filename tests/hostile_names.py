"""Names that people and programs should not use: a list, and more of their kind from a seed."""

import random
from collections.abc import Iterator

LIST = (
    *("", " ", ".", "..", "...", "../x", "../../victim", "a/../../x", "/etc/passwd", "//x", "a/b"),
    *(
        "a\\b",
        "C:\\x",
        "file:///x",
        "~",
        "~root",
        "-rf",
        "--",
        "-",
        "_",
        "$HOME",
        "${HOME}",
        "`id`",
    ),
    *("$(id)", "a;b", "a|b", "a&b", "a b", " a", "a ", "a\t", "a\nb", "a\n", "\na", "a\rb", "a\0b"),
    *("\0", "\x1b[2J", "\x07", "\u202eabc", "\u200babc", "a\u0301", "\uff41bc", "\u0430bc", "ı"),
    *("A", "Abc", "é", "ß", "😀", "\ud800", "a" * 64, "a" * 65, "a" * 300, "a" * 5000, "é" * 64),
    *("con", "nul", "com1", "a.", "a..", ".a", ".hidden", "a:b", "a*", "a?", "<a>", '"a"', "'a'"),
    *("<script>", "{{7*7}}", "%2e%2e%2f", "%00", "a%b", "#a", "@a", "=a", "+a", "0", "0100", "1e3"),
    *(
        "null",
        "true",
        "nan",
        "__init__",
        "study.json",
        "ledger.jsonl",
        "a.tmp",
        "a-b_c.d",
        "²",
        "١",
    ),
)
_PARTS = (
    "..",
    "/",
    "\\",
    "\0",
    "\n",
    "~",
    "-",
    ".",
    "a",
    "B",
    "0",
    "_",
    " ",
    "\u202e",
    "é",
    "%",
    "$",
)


def hostile_names(*, seed: int, times: int) -> Iterator[str]:
    """The list, then pieces of its kinds put together."""
    yield from LIST
    chance = random.Random(seed)
    for _ in range(times - len(LIST)):
        yield "".join(chance.choice(_PARTS) for _ in range(chance.choice((1, 2, 3, 5, 9, 70, 300))))
