"""How loops over pixels and contacts are compiled: by Numba, once for all processes of a user."""

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - Numba's own dispatcher
    """The compiled function, which releases the interpreter's lock. Where neither the package nor
    the user's cache can be written (a read-only container, a foreign user), each process compiles
    it anew. A shared folder like /tmp is no cache: whoever writes there could have us run code."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # Numba finds no folder that it may write
        return numba.njit(nogil=True)(function)
