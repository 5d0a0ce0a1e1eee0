"""The page `records/README.md` and the schemas say the same; foreign and pickled tables are
refused."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from physscale.records import latents
from physscale.records.errors import DamagedData
from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.video import BODY, FORMAT_KEY, ROD, STATE, Videos, check_schema
from tests.paths import ROOT

PAGE = (ROOT / "physscale" / "records" / "README.md").read_text()


def page_columns(heading: str) -> dict[str, str]:
    section = PAGE.split(f"## {heading}")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, flags=re.MULTILINE))


def some_videos(count: int = 3) -> Videos:
    rng = np.random.default_rng(0)
    names = np.array(["a", "b", "c", "d", "e"][:count], dtype=object)
    return Videos(
        index=np.arange(count),
        scenario=names,
        split=names,
        template=names,
        time_s=rng.random((count, 4), dtype=np.float32),
        state=rng.random((count, 4, 2, 6), dtype=np.float32),
        body=rng.random((count, 2, 10), dtype=np.float32),
        contact_s=np.full(count, np.nan, np.float32),
        rod=rng.random((count, 2, 3), dtype=np.float32),
        from_trained=rng.random((count, 2), dtype=np.float32),
        pixels=rng.integers(0, 256, (count, 4, 8, 8, 3), dtype=np.uint8),
    )


def test_the_page_lists_the_columns_of_a_video() -> None:
    schema = some_videos().to_arrow().schema
    tensors = {
        field.name: field.type.value_type
        for field in schema
        if isinstance(field.type, pa.FixedShapeTensorType)
    }
    types = {field.name: str(tensors.get(field.name, field.type)) for field in schema}
    arrow_names = {"float32": "float"}
    page = page_columns("A video row: data and samples alike")
    assert {name: arrow_names.get(kind, kind) for name, kind in page.items()} == types
    assert " ".join(STATE) in PAGE
    assert " ".join(BODY) in PAGE
    assert " ".join(ROD) in PAGE


def test_rows_without_rods_are_those_that_older_versions_wrote_and_read() -> None:
    free = replace(some_videos(), rod=None)
    assert "rod" not in free.to_arrow().column_names
    assert Videos.from_arrow(free.to_arrow()).rod is None


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("A score row (`scores.parquet`)", SCORES), ("An outcome row", OUTCOMES)],
)
def test_the_page_lists_the_columns_of_a_table(heading: str, schema: pa.Schema) -> None:
    assert page_columns(heading) == {field.name: str(field.type) for field in schema}


def test_the_page_lists_the_columns_of_latents() -> None:
    kind = latents.schema((2, 3, 4, 5), identity="", canvas="", precision="fp32")
    types = {field.name: str(getattr(field.type, "value_type", field.type)) for field in kind}
    page = page_columns("A row of latents (`latents/FP12/shard_00000000.arrow`)")
    assert {name: {"float32": "float"}.get(kind, kind) for name, kind in page.items()} == types
    assert f"physscale_latents = {latents.FORMAT}" in PAGE


def test_videos_come_back_from_arrow_as_they_went() -> None:
    videos = some_videos()
    back = Videos.from_arrow(videos.to_arrow())
    for name in (
        "index",
        "scenario",
        "time_s",
        "state",
        "body",
        "contact_s",
        "from_trained",
        "pixels",
    ):
        np.testing.assert_array_equal(getattr(back, name), getattr(videos, name))


def test_no_videos_come_back_as_no_videos() -> None:
    back = Videos.from_arrow(some_videos().take(slice(0, 0)).to_arrow())
    assert len(back) == 0
    assert back.state.shape == (0, 4, 2, 6)


def test_concat_and_take_are_inverse() -> None:
    videos = some_videos()
    again = Videos.concat([videos.take(np.array([0])), videos.take(slice(1, 3))])
    np.testing.assert_array_equal(again.state, videos.state)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda table: table.replace_schema_metadata({FORMAT_KEY: b"99"}), "format '99'"),
        (lambda table: table.replace_schema_metadata(None), "no physscale format"),
        (lambda table: table.drop_columns(["state"]), "'state' is missing"),
        (lambda table: table.append_column("extra", pa.array([b"x"] * 3)), "'extra'"),
        (lambda table: table.set_column(0, "index", pa.array([1.0] * 3)), "'index' of type double"),
    ],
)
def test_a_foreign_table_is_refused_by_its_schema(change, complaint: str) -> None:  # noqa: ANN001
    with pytest.raises(DamagedData, match=complaint):
        check_schema(change(some_videos().to_arrow()).schema)
