"""`--where`: which rows of a table to use.

    condition   = all ("or" all)*             `|` is `or`
    all         = one ("and" one)*            `&` is `and`
    one         = "not" one | "(" condition ")" | comparison
    comparison  = COLUMN (== | != | < | <= | > | >=) VALUE

A value is a number (30000, 3e4, 30K), a word or a quoted text, true or false. A name with blanks or
signs is quoted: `'val loss' < 2`. Numbers are compared with numbers and text with text; anything
else is refused. An empty cell equals '' alone, and is neither smaller nor larger than a number.
Nothing is evaluated as code."""

import re
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from analysis.data.column import NotNumbers, is_numeric, is_text, number_of
from analysis.data.shown import short
from analysis.data.source import Source
from physscale.records.errors import UserError

_TOKEN = re.compile(
    r"(?P<quoted>'[^']*'|\"[^\"]*\"|`[^`]*`)"
    r"|(?P<sign>==|!=|<=|>=|<|>|&&?|\|\|?|[()])"
    r"|(?P<word>[^\s=!<>&|()'\"`,;]+)"
)
_COMPARED: dict[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ADVICE = {
    "=": "write == for 'equals'",
    "!": "write 'not' or !=",
    ",": "join comparisons by 'and' or 'or', and write numbers without separators",
    ";": "join comparisons by 'and' or 'or'",
}
_JOINS = {"and": "and", "&": "and", "&&": "and", "or": "or", "|": "or", "||": "or"}
_DEEPEST = 20
_END = "the end"


@dataclass(frozen=True)
class _Token:
    """A piece of the condition. `sign` is what it means to the grammar: an operator, a keyword in
    small letters, or nothing for a name or a value."""

    text: str
    sign: str
    quoted: bool = False


def rows_where(source: Source, condition: str) -> Bool[np.ndarray, " rows"]:
    """The rows for which the condition holds.

    Raises:
        UserError: for anything outside the grammar, a column that is not there, or a comparison
            of numbers with text.
    """
    return _Reader(source, condition).whole()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            advice = _ADVICE.get(text[at], "close every quote")
            _refuse(text, f"cannot read {short(text[at:])!r}; {advice}")
        word = match.group()
        if match["quoted"]:
            found.append(_Token(word[1:-1], "", quoted=True))
        else:
            known = match["sign"] or word.lower() in ("and", "or", "not")
            found.append(_Token(word, _JOINS.get(word.lower(), word.lower()) if known else ""))
        at = match.end()
    return [*found, _Token(_END, _END)]


def _refuse(text: str, why: str) -> NoReturn:
    raise UserError(f"--where {short(text)!r}: {why}")


@dataclass
class _Reader:
    """Reads the condition from left to right."""

    source: Source
    text: str
    at: int = 0
    tokens: list[_Token] = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = _tokens(self.text)

    def whole(self) -> Bool[np.ndarray, " rows"]:
        keep = self._joined("or", depth=0)
        if self._next.sign != _END:
            self._expected("'and' or 'or'")
        return keep

    @property
    def _next(self) -> _Token:
        return self.tokens[self.at]

    def _take(self) -> _Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def _joined(self, join: str, *, depth: int) -> np.ndarray:
        """Conditions joined by `or`, each of conditions joined by `and`."""

        def part() -> np.ndarray:
            return self._joined("and", depth=depth) if join == "or" else self._one(depth=depth)

        keep = part()
        while self._next.sign == join:
            self._take()
            other = part()
            keep = keep | other if join == "or" else keep & other
        return keep

    def _one(self, *, depth: int) -> np.ndarray:
        if depth > _DEEPEST:
            _refuse(self.text, f"more than {_DEEPEST} levels of parentheses and 'not'")
        if self._next.sign == "not":
            self._take()
            return ~self._one(depth=depth + 1)
        if self._next.sign != "(":
            return self._comparison()
        self._take()
        keep = self._joined("or", depth=depth + 1)
        if self._next.sign != ")":
            self._expected("')'")
        self._take()
        return keep

    def _comparison(self) -> np.ndarray:
        if self._next.sign:
            self._expected("a column")
        name = self._take()
        if not name.quoted and number_of(name.text) is not None and not self._has(name.text):
            _refuse(self.text, f"begin with a column, not with {short(name.text)!r}")
        if self._next.sign not in _COMPARED:
            self._expected(f"one of {' '.join(_COMPARED)} after {short(name.text)!r}")
        sign = self._take().sign
        if self._next.sign:
            self._expected(f"a value after {sign}")
        try:
            return _Comparison(self.source, name.text, sign, self._take()).rows()
        except UserError as error:
            _refuse(self.text, str(error))

    def _has(self, name: str) -> bool:
        return name in self.source.table.column_names

    def _expected(self, what: str) -> NoReturn:
        _refuse(
            self.text,
            f"expected {what}, found {short(self._next.text)!r} (grammar: COLUMN == VALUE, also "
            "!= < <= > >=, joined by and, or, not, parentheses; quote names with blanks or signs)",
        )


@dataclass(frozen=True)
class _Comparison:
    """One column against one value."""

    source: Source
    name: str
    sign: str
    value: _Token

    def rows(self) -> np.ndarray:
        column, text = self.source.column(self.name), self.value.text
        empty = column.is_null(nan_is_null=True).to_numpy()
        if self.value.quoted and not text:
            return self._only_equal(empty | self._texts(column, ""), what="an empty cell")
        if not self.value.quoted and text in self.source.table.column_names:
            raise UserError(f"{short(text)!r} is also a column; quote it if it is a value")
        number = None if self.value.quoted else number_of(text)
        if number is not None:
            return self._numbers(column, number)
        if not self.value.quoted and text.lower() in ("true", "false"):
            return self._only_equal(
                self._truths(column) == (text.lower() == "true"), what="true or false"
            )
        if is_numeric(column.type) and not pa.types.is_null(column.type):
            raise UserError(
                f"column {short(self.name)!r} holds numbers, and {short(text)!r} is none; write "
                "numbers without quotes, such as 10000000, 1e7 or 10M"
            )
        return self._only_equal(self._texts(column, text), what="text")

    def _numbers(self, column: pa.ChunkedArray, number: float) -> np.ndarray:
        try:
            values = self.source.numbers(self.name)
        except NotNumbers as error:
            raise UserError(
                f"{error}; to compare text, quote it: {self.sign} '{self.value.text}'"
            ) from error
        if pa.types.is_float32(column.type):
            number = float(np.float32(number))
        return np.asarray(_COMPARED[self.sign](values, number), dtype=bool)

    def _truths(self, column: pa.ChunkedArray) -> np.ndarray:
        """1 for true, 0 for false, NaN for an empty cell."""
        words = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "": np.nan}
        cells = ["" if cell is None else str(cell).lower() for cell in column.to_pylist()]
        other = next((cell for cell in cells if cell not in words and cell != "nan"), None)
        if other is not None:
            raise UserError(
                f"column {short(self.name)!r} holds {short(other)!r}, which is neither true nor "
                "false"
            )
        return np.array([words.get(cell, np.nan) for cell in cells], dtype=float)

    def _texts(self, column: pa.ChunkedArray, text: str) -> np.ndarray:
        kind = column.type
        if not (is_text(kind) or is_numeric(kind) or pa.types.is_temporal(kind)):
            raise UserError(
                f"column {short(self.name)!r} holds {kind}; only numbers, text and booleans are "
                "compared"
            )
        cells = column.to_pylist()
        return np.array([cell is not None and str(cell) == text for cell in cells], dtype=bool)

    def _only_equal(self, equal: np.ndarray, *, what: str) -> np.ndarray:
        if self.sign not in ("==", "!="):
            raise UserError(f"{what} is compared by == and != only, not by {self.sign}")
        return equal if self.sign == "==" else ~equal
