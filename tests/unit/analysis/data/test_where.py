"""`--where` keeps the rows that pandas keeps, or says in one line why it cannot."""

import contextlib
import operator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.commands.app import main
from analysis.data.source import Source
from analysis.data.where import rows_where
from physscale.records.errors import UserError

FRAME = pd.DataFrame(
    {
        "N": [1_000, 30_000, 10_000_000, 50_000_000, 10**17],
        "val loss": [3.5, 2.0, np.nan, 1.25, 0.5],
        "split": ["id", "ood", None, "in and out", "id"],
        "size": ["190M", "1B", "30K", "10M", "1.5M"],
        "excluded": [False, True, True, False, False],
    }
)
SOURCE = Source(pa.Table.from_pandas(FRAME))
SIZES = pd.Series([190e6, 1e9, 30e3, 10e6, 1.5e6])


def kept(condition: str, source: Source = SOURCE) -> list[bool]:
    return list(rows_where(source, condition))


@pytest.mark.parametrize(
    ("condition", "mask"),
    [
        ("N >= 10M", FRAME.N >= 10_000_000),
        ("N >= 30K", FRAME.N >= 30_000),
        ("N < 1e7", FRAME.N < 1e7),
        ("size >= 10M", SIZES >= 10e6),
        ("size == '10M'", FRAME["size"] == "10M"),
        ("excluded == TRUE", FRAME.excluded),
        ("excluded == False", ~FRAME.excluded),
        ("excluded != 0", FRAME.excluded),
        ("'val loss' < 2.5", FRAME["val loss"] < 2.5),
        ('"val loss" == ""', FRAME["val loss"].isna()),
        ("`val loss` != ''", FRAME["val loss"].notna()),
        ("split != id", FRAME["split"] != "id"),
        ("split == ''", FRAME["split"].isna()),
        ("split == 'in and out'", FRAME["split"] == "in and out"),
        ("N < 2K AND split == id", (FRAME.N < 2000) & (FRAME["split"] == "id")),
        ("N < 2K & split == id", (FRAME.N < 2000) & (FRAME["split"] == "id")),
        ("N < 2K or excluded == true", (FRAME.N < 2000) | FRAME.excluded),
        ("N<2K||excluded==true&&split==ood", (FRAME.N < 2000) | (FRAME["split"] == "ood")),
        ("not (N < 2K or excluded == true)", ~((FRAME.N < 2000) | FRAME.excluded)),
        (
            "(N < 2K or N > 30K) and excluded == false",
            ((FRAME.N < 2000) | (FRAME.N > 30_000)) & ~FRAME.excluded,
        ),
    ],
)
def test_the_rows_that_are_meant_are_kept(condition: str, mask: pd.Series) -> None:
    assert kept(condition) == mask.tolist()


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("N >= 10^7", "10^7"),
        ("N >= ten", "10000000, 1e7 or 10M"),
        ("N >= 10m", "10000000, 1e7 or 10M"),
        ("N >= '10'", "without quotes"),
        ("N >= 10,000", "without separators"),
        ("N >= 1e7, excluded == 0", "join comparisons by 'and' or 'or'"),
        ("N = 3", "write =="),
        ("N", "expected one of =="),
        ("N ==", "expected a value"),
        ("N in (1)", "expected one of =="),
        ("", "expected a column"),
        ("N > 1 and", "expected a column"),
        ("N > 1 excluded == 0", "expected 'and' or 'or'"),
        ("(N > 1", "expected ')'"),
        ("N > 1)", "expected 'and' or 'or'"),
        ("1 < N", "begin with a column"),
        ("1e6 < N < 1e7", "begin with a column"),
        ("N < 1e7 < 3", "expected 'and' or 'or'"),
        ("split < b", "by == and != only"),
        ("split == 3", "quote it: == '3'"),
        ("split == true", "neither true nor false"),
        ("N == true", "neither true nor false"),
        ("excluded < true", "by == and != only"),
        ("missing == 1", "'missing' is not in the table"),
        ("N == size", "'size' is also a column"),
        ("'N == 1", "close every quote"),
        ("__import__('os')", "expected one of =="),
        ("!excluded", "write 'not'"),
        ("(" * 500 + "N > 1" + ")" * 500, "levels of parentheses"),
        ("not " * 5000 + "N > 1", "levels of parentheses"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(condition: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        kept(condition)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


SIGNS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBERS = {
    "0": 0.0,
    "1": 1.0,
    "-2.5": -2.5,
    "3e4": 3e4,
    "30K": 3e4,
    "10M": 1e7,
    "1B": 1e9,
    ".5": 0.5,
}

Condition = tuple[str, pd.Series]


def conditions(frame: pd.DataFrame) -> st.SearchStrategy[Condition]:
    """Conditions as text, each with the mask that pandas gives."""

    def number(column: str, sign: str, word: str) -> Condition:
        return f"{column} {sign} {word}", SIGNS[sign](frame[column], NUMBERS[word])

    def text(sign: str, word: str) -> Condition:
        return f"'a name' {sign} '{word}'", SIGNS[sign](frame["a name"], word)

    def truth(sign: str, word: str) -> Condition:
        return f"flag{sign}{word}", SIGNS[sign](frame["flag"], word.lower() == "true")

    single = st.one_of(
        st.builds(
            number,
            st.sampled_from(["N", "x"]),
            st.sampled_from(list(SIGNS)),
            st.sampled_from(list(NUMBERS)),
        ),
        st.builds(text, st.sampled_from(["==", "!="]), st.sampled_from(["a", "b or c", "1"])),
        st.builds(truth, st.sampled_from(["==", "!="]), st.sampled_from(["true", "FALSE", "True"])),
    )

    def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        both = st.tuples(inner, inner, st.sampled_from(["and", "&", "AND", "or", "|", "Or"]))
        return st.one_of(
            inner.map(lambda one: (f"not ({one[0]})", ~one[1])),
            both.map(
                lambda pair: (
                    f"({pair[0][0]}) {pair[2]} ({pair[1][0]})",
                    pair[0][1] & pair[1][1]
                    if pair[2].lower() in ("and", "&")
                    else pair[0][1] | pair[1][1],
                )
            ),
        )

    return st.recursive(single, joined, max_leaves=6)


FRAMES = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 30_000, 10_000_000, 2**60]),
        st.sampled_from([np.nan, -2.5, 0.0, 0.5, 1e9]),
        st.sampled_from([None, "a", "b or c", "1"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
).map(
    lambda rows: pd.DataFrame(rows, columns=["N", "x", "a name", "flag"]).astype({"a name": object})
)


@settings(max_examples=150)
@given(data=st.data(), frame=FRAMES)
def test_any_condition_gives_the_mask_of_pandas(data: st.DataObject, frame: pd.DataFrame) -> None:
    condition, mask = data.draw(conditions(frame))
    source = Source(pa.Table.from_pandas(frame))
    assert kept(condition, source) == mask.tolist(), condition


@settings(max_examples=150)
@given(text=st.text(alphabet="Nx ab&|()=!<>'\"`,;10eKM.notrue\n", max_size=30))
def test_no_text_makes_anything_but_rows_or_a_refusal(text: str) -> None:
    with contextlib.suppress(UserError):
        assert len(kept(text)) == len(FRAME)


@pytest.mark.parametrize("deeper", ["not ", "("])
def test_twenty_levels_are_read_and_one_more_is_refused(deeper: str) -> None:
    def nested(levels: int) -> str:
        return deeper * levels + "N > 30K" + ")" * (levels * (deeper == "("))

    assert kept(nested(20)) == kept("N > 30K")
    with pytest.raises(UserError, match="more than 20 levels"):
        kept(nested(21))


def test_and_binds_closer_than_or() -> None:
    assert kept("N < 2K or N > 30K and excluded == true") == [True, False, True, False, False]


def test_ones_and_zeros_are_true_and_false_and_nan_is_an_empty_cell() -> None:
    columns = {"whole": [1, 0, None], "share": [1.0, 0.0, float("nan")], "word": ["1", "FALSE", ""]}
    source = Source(pa.table(columns))
    for name in columns:
        assert kept(f"{name} == true", source) == [True, False, False]
        assert kept(f"{name} == false", source) == [False, True, False]
        assert kept(f"{name} == ''", source) == [False, False, True]


def test_a_float32_cell_equals_the_number_it_was_written_as() -> None:
    source = Source(pa.table({"x": pa.array([0.1, 0.2], pa.float32())}))
    assert kept("x == 0.1", source) == [True, False]


def test_large_integers_are_compared_and_the_rounding_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`flops >= 1e16` kept 12 of 15 configurations where integers lay above 2^53."""
    rows = [f"{10**k},{3 / (k + 1) + 0.01 * (k % 2)},{10**16 + k}" for k in range(6)]
    table = tmp_path / "large.csv"
    table.write_text("\n".join(["x,loss,flops", *rows]) + "\n")
    words = f"fit {table} --response loss --axes x --bootstrap 20 --no-holdout --no-profile"
    assert main([*words.split(), "--flops-column", "flops", "--where", "flops >= 1e16"]) == 0
    out = capsys.readouterr().out
    assert "6 configurations" in out
    assert out.count("2^53") == 1
