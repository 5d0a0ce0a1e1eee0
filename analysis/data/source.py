"""The columns of a loaded table, with a note for everything that was done to read them."""

import difflib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from analysis.data.column import Comma, Percent, numbers
from analysis.data.shown import short
from physscale.records.errors import UserError

_SHOWN_NAMES = 12


@dataclass(frozen=True)
class Source:
    """A table and the notes on how it was read, each said once."""

    table: pa.Table
    percent: Percent = "refused"
    comma: Comma = "of thousands"
    notes: dict[str, None] = field(default_factory=dict)

    def column(self, name: str) -> pa.ChunkedArray:
        """The column of this name; a dictionary's values in full.

        Raises:
            UserError: if there is none, or more than one.
        """
        names = self.table.column_names
        if names.count(name) > 1:
            raise UserError(
                f"column {short(name)!r} is there {names.count(name)} times; give each column a "
                "name of its own"
            )
        if name not in names:
            near = difflib.get_close_matches(name, names, n=_SHOWN_NAMES) or names[:_SHOWN_NAMES]
            more = " ..." if len(names) > len(near) else ""
            known = ", ".join(map(short, near))
            raise UserError(f"column {short(name)!r} is not in the table; it has {known}{more}")
        found = self.table[name]
        kind = found.type
        return found.cast(kind.value_type) if pa.types.is_dictionary(kind) else found

    def numbers(self, name: str) -> Float[np.ndarray, " rows"]:
        """The column as numbers, NaN where a cell is empty.

        Raises:
            NotNumbers: if a cell is no number.
        """
        found = numbers(self.column(name), name, percent=self.percent, comma=self.comma)
        self.notes.update(dict.fromkeys(found.notes))
        return found.values

    def texts(self, name: str) -> np.ndarray:
        """The column as text, "" where a cell is empty."""
        cells = self.column(name).to_pylist()
        return np.array(["" if cell is None else str(cell) for cell in cells], dtype=object)
