"""Conditioning beside the first frames, in values and by formula (no torch): the ablation of arXiv
2411.02385, appendix.

    numbers  the first state of every body, one token per body beside the video's tokens
    text     a sentence that describes the first state; every block attends to it (arXiv 2310.00426)

The paper adds an embedding of the numbers in every layer, and its text encoder is T5. Zeros carry
no information. They stand for an absent body, for the blanks after a sentence, and for conditioning
that is dropped in training."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from physscale.records.errors import UserError
from physscale.records.limits import Limits, Range, check_limits

__all__ = [
    "CHARACTERS",
    "NUMBERS_A_BODY",
    "Conditioning",
    "ConditioningSpec",
    "TextSpec",
    "check_conditioning",
]

Conditioning = Literal["none", "numbers", "text"]

NUMBERS_A_BODY = 19
"""Columns of `simulate.describe.scaled_numbers`."""

CHARACTERS = 256
"""Bytes of UTF-8; 0 is the blank."""


@dataclass(frozen=True)
class TextSpec:
    """A sentence of `tokens` characters, blanks included, and the transformer that reads it,
    trained with the model.

    `encoder` is `characters`, or `package.module:function` for a text encoder of the user's own
    (`run.conditioning.TextEncoder`). That encoder is not trained. It gives `features` numbers for
    each of `tokens` tokens, which the trained layers read."""

    LIMITS: ClassVar[Limits] = {
        "tokens": Range(1, 100_000),
        "width": Range(1, 100_000),
        "depth": Range(0, 1000),
        "heads": Range(1, 10_000),
        "features": Range(0, 100_000),
    }

    tokens: int = 256
    width: int = 64
    depth: int = 2
    heads: int = 2
    encoder: str = "characters"
    features: int = 0

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="text")
        if self.width % (2 * self.heads):
            raise UserError(
                f"text width={self.width}: must be a multiple of 2 x heads={2 * self.heads}"
            )
        module, separator, function = self.encoder.partition(":")
        if self.encoder != "characters" and not (module and separator and function):
            raise UserError(
                f"text encoder={self.encoder!r}: write characters, or package.module:function"
            )
        if (self.encoder == "characters") == (self.features > 0):
            raise UserError(
                f"text features={self.features}: above 0 with an encoder of one's own, 0 with "
                "characters"
            )

    @property
    def parameters(self) -> int:
        """Trained numbers of the reader."""
        table = (
            CHARACTERS * self.width
            if self.encoder == "characters"
            else (self.features + 1) * self.width
        )
        return table + self.depth * (12 * self.width**2 + 9 * self.width)

    @property
    def forward_products(self) -> int:
        """Multiply-adds of one sentence, without those of `first_products`."""
        return self.depth * (12 * self.width**2 * self.tokens + 2 * self.tokens**2 * self.width)

    @property
    def first_products(self) -> int:
        """Multiply-adds of the first layer, whose input needs no gradient."""
        return self.features * self.width * self.tokens


@dataclass(frozen=True)
class ConditioningSpec:
    """What a backbone reads beside the frames: nothing, numbers of up to `bodies` bodies, or a
    text."""

    kind: Conditioning = "none"
    bodies: int = 2
    text: TextSpec = field(default_factory=TextSpec)


def check_conditioning(value: Any) -> None:  # noqa: ANN401 - whatever was written there
    """Raises UserError for an unknown kind of conditioning."""
    if value not in get_args(Conditioning):
        raise UserError(
            f"model conditioning={value!r}: allowed are {', '.join(get_args(Conditioning))}"
        )
