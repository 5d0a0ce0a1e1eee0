"""The fast writer of canonical JSON against the plain way: value to JSON types, then
`json.dumps`."""

import enum
import json
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records.spec import canonical, from_plain, plain
from physscale.study.spec import load_study, study_names
from tests.tiny import tiny_run


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2.0)


class Text(str):
    """Not quite a string."""


@dataclass(frozen=True)
class Leaf:
    NEUTRAL: ClassVar[dict[str, Any]] = {"added": 0}

    number: Any
    added: int = 0


@dataclass(frozen=True)
class Tagged:
    type: str
    zeta: Any
    alpha: Any = None


def by_json(value: Any) -> str:
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(Colour)
)
VALUES = st.recursive(
    SCALARS | st.builds(Text),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.builds(Leaf, inner, st.integers(0, 1))
        | st.builds(Tagged, st.text(), inner, inner)
    ),
    max_leaves=12,
)


@given(value=VALUES)
def test_it_is_the_text_of_the_plain_value(value: Any) -> None:
    assert canonical(value) == by_json(value)


@pytest.mark.parametrize("name", study_names())
def test_so_is_every_run_of_every_experiment(name: str) -> None:
    for run in [*load_study(name).runs.values(), tiny_run(workers=2)]:
        assert canonical(run) == by_json(run)


@pytest.mark.parametrize(
    "value", [math.nan, (1.0, math.inf), {1: 2}, {"a": object()}, Leaf(object())]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        canonical(value)


@dataclass(frozen=True)
class OldName:
    alpha: int
    beta: int = 0


@dataclass(frozen=True)
class NewName:
    """`OldName` after two renames: of the class, and of its field `beta`."""

    WRITTEN_AS: ClassVar[str] = "OldName"
    WRITTEN_FIELDS: ClassVar[dict[str, str]] = {"aardvark": "beta"}

    alpha: int
    aardvark: int = 0


@given(alpha=st.integers(), beta=st.integers())
def test_a_rename_changes_neither_text_nor_fingerprint_and_old_files_are_read(
    alpha: int, beta: int
) -> None:
    old, new = OldName(alpha, beta), NewName(alpha, beta)
    assert canonical(new) == canonical(old) == by_json(new)
    assert from_plain(NewName, plain(old)) == new
