"""A response as a number that is better when lower."""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.data.shown import short
from physscale.records.errors import UserError

__all__ = ["Response"]

_OFTEN_HIGHER = {"acc", "accuracy", "auc", "bleu", "f1", "psnr", "reward", "ssim", "success"}
"""Words in the names of responses that are better when higher."""


@dataclass(frozen=True)
class Response:
    """Values, what they are, and what to say about how they were read."""

    values: Float[np.ndarray, " rows"]
    name: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(column: str, values: np.ndarray, *, best: float | None) -> "Response":
        """The response in this column. `best` is its best value where higher is better, infinity
        for a response without one.

        Raises:
            UserError: if `best` is not a number.
        """
        name = short(column)
        if best is None:
            hint = f"is a higher {name} better? Then give its best value, as --best 1 (or inf)"
            doubtful = _OFTEN_HIGHER & set(re.split("[^a-z0-9]+", column.lower()))
            return Response(values, name, (hint,) if doubtful else ())
        if np.isnan(best):
            raise UserError("--best nan: give the best value of the response, or inf")
        if best == np.inf:
            read = np.divide(1, values, out=np.full(len(values), np.nan), where=values > 0)
            name = f"1 / {name}"
        else:
            read, name = best - values, f"{best:g} - {name}"
        return Response(read, name, (f"the response is read as {name}: lower is better",))
