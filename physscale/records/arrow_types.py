"""Arrow types that are Python code: a library registers a class, and a file names it.

Ray Data's class for objects unpickles each value that is looked at, and its other classes raise
whatever they like for what they did not write. So a column of such a type is refused before any
value of it is looked at; none of our files has one."""

from collections.abc import Iterator

import pyarrow as pa

__all__ = ["UNREADABLE", "refuse_code"]

UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, AttributeError)
"""What pyarrow and registered classes raise while they open a foreign file."""


def refuse_code(schema: pa.Schema) -> None:
    """Raises ValueError for a column of such a type, however deep it lies."""
    for field in schema:
        if any(isinstance(kind, pa.ExtensionType) for kind in _inside(field.type)):
            raise ValueError(f"column {field.name!r} is of a type that runs code, {field.type}")


def _inside(kind: pa.DataType) -> Iterator[pa.DataType]:
    yield kind
    if isinstance(kind, pa.BaseExtensionType):
        yield from _inside(kind.storage_type)
    elif pa.types.is_dictionary(kind):
        yield from _inside(kind.value_type)
    else:
        for place in range(kind.num_fields):
            yield from _inside(kind.field(place).type)
