"""A file is read for what it is, or refused by its kind."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from analysis.data.load import load
from analysis.data.table import Reading, read_runs
from physscale.records.errors import DamagedData, UserError

TABLE = pa.table({"N": [1000, 2000], "größe": [0.5, 0.25]})
CSV = "N,größe\n1000,0.5\n2000,0.25\n"


def arrow(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def stream(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


READ = {
    "utf-8": lambda path: path.write_text(CSV, encoding="utf-8"),
    "utf-8 with a mark": lambda path: path.write_text(CSV, encoding="utf-8-sig"),
    "utf-16": lambda path: path.write_text(CSV, encoding="utf-16"),
    "latin-1": lambda path: path.write_text(CSV, encoding="latin-1"),
    "semicolons": lambda path: path.write_text(CSV.replace(",", ";"), encoding="utf-8"),
    "tabs": lambda path: path.write_text(CSV.replace(",", "\t"), encoding="utf-8"),
    "windows lines": lambda path: path.write_bytes(CSV.replace("\n", "\r\n").encode()),
    "parquet": lambda path: pq.write_table(TABLE, path),
    "arrow": arrow,
    "arrow stream": stream,
}


@pytest.mark.parametrize("ending", ["csv", "parquet", "data"])
@pytest.mark.parametrize("kind", READ)
def test_a_table_is_known_by_its_content_not_by_its_ending(
    kind: str, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"runs.{ending}"
    READ[kind](path)
    assert load(path).table.to_pydict() == TABLE.to_pydict()


@pytest.mark.parametrize(("kind", "said"), [("utf-16", "UTF-16"), ("latin-1", "Latin-1")])
def test_another_encoding_is_said(kind: str, said: str, tmp_path: Path) -> None:
    READ[kind](tmp_path / "runs.csv")
    (note,) = load(tmp_path / "runs.csv").notes
    assert said in note


FOREIGN = {
    "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "HDF5": b"\x89HDF\r\n\x1a\n" + b"\0" * 64,
    "Excel": b"PK\x03\x04" + b"\0" * 64,
    "gzip": gzip.compress(CSV.encode()),
    "web page": b"<!DOCTYPE html><html></html>",
    "JSON": b'{"runs": []}',
    "pickle": b"\x80\x04\x95",
    "is empty": b"",
    "not text": b"N,loss\n\0\0\0",
    "not a readable": b"PAR1garbagePAR1",
}


@pytest.mark.parametrize("said", FOREIGN)
def test_another_kind_of_file_is_named(said: str, tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_bytes(FOREIGN[said])
    with pytest.raises(DamagedData, match=said) as caught:
        load(tmp_path / "runs.csv")
    assert "\n" not in str(caught.value)


def test_a_folder_and_an_absent_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a folder"):
        load(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        load(tmp_path / "runs.csv")


def test_the_range_columns_of_a_chart_export_are_left_out_with_a_word(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text('"Step","a - loss","a - loss__MIN","a - loss__MAX","LR__MAX"\n1,2,1,3,4\n')
    found = load(path)
    assert found.table.column_names == ["Step", "a - loss", "LR__MAX"]
    assert found.notes == ("left out 2 columns __MIN and __MAX of a W&B chart export",)


def test_a_type_is_inferred_from_all_rows(tmp_path: Path) -> None:
    """pyarrow infers it from the first megabyte: a later 0.5 among integers was refused."""
    path = tmp_path / "long.csv"
    path.write_text("x,loss\n" + "1000000,1\n" * 200_000 + "2000000,0.5\n")
    assert load(path).table["loss"][-1].as_py() == 0.5


def csv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = csv(
        tmp_path / "t.csv", "N,D,loss", '1M,"1,000",2', '10M,"30,000",1', '1B,"1,000,000",.5'
    )
    runs = read_runs(path, response="loss", axes={"N": "N", "D": "D"})
    assert runs.axes["N"].tolist() == [1e6, 1e7, 1e9]
    assert runs.axes["D"].tolist() == [1e3, 3e4, 1e6]
    assert runs.notes == ("column D: the comma in 1,000 was read as one of thousands",)


def test_percent_are_shares_where_they_are_asked_for(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", "x,error", "1,12.5%", "2,5%")
    with pytest.raises(UserError, match="--percent"):
        read_runs(path, response="error", axes={"x": "x"})
    assert read_runs(
        path, response="error", axes={"x": "x"}, reading=Reading(percent="read")
    ).response.tolist() == [
        0.125,
        0.05,
    ]


@pytest.mark.parametrize("cell", ["0,52", "12,5", "1,23", "10m", "1_000", "1e5M", "٣"])
def test_a_number_that_may_mean_two_things_is_refused(cell: str, tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", "x;loss", f"1;{cell}", "2;1")
    with pytest.raises(UserError, match="not numbers"):
        read_runs(path, response="loss", axes={"x": "x"})


def test_a_comma_in_a_file_of_semicolons_is_not_taken_for_thousands(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", "x;loss", "1;2,500", "2;1,250")
    with pytest.raises(UserError, match="point"):
        read_runs(path, response="loss", axes={"x": "x"})


@pytest.mark.parametrize("role", ["flops", "count", "seed", "split"])
def test_a_row_with_an_empty_cell_in_any_named_column_is_left_out_and_counted(
    role: str, tmp_path: Path
) -> None:
    """One empty cell of FLOPs made the cost of every run NaN."""
    path = csv(tmp_path / "t.csv", "x,loss,named", "1,3,5", "2,2,", "3,1,7")
    runs = read_runs(path, response="loss", axes={"x": "x"}, **{role: "named"})
    assert runs.axes["x"].tolist() == [1, 3]
    (note,) = runs.notes
    assert note.startswith("1 rows with")
    assert "named" in note


@pytest.mark.parametrize("role", ["flops", "count"])
@pytest.mark.parametrize("cell", ["0", "-1", "inf", "nan"])
def test_a_row_without_a_positive_number_is_left_out_and_counted(
    cell: str, role: str, tmp_path: Path
) -> None:
    path = csv(tmp_path / "t.csv", "x,loss,named", "1,3,5", f"2,2,{cell}", "3,1,7")
    runs = read_runs(path, response="loss", axes={"x": "x"}, **{role: "named"})
    assert runs.axes["x"].tolist() == [1, 3]
    assert len(runs.notes) == 1


def test_a_frontier_with_an_empty_cell_of_flops_is_finite_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{n},{d},{0.1 + n**-0.3 + d**-0.4},{6 * n * d if (n, d) != (1000, 1000) else ''}"
        for n in (1000, 10_000, 100_000, 1_000_000)
        for d in (1000, 10_000, 100_000, 1_000_000)
    ]
    path = csv(tmp_path / "t.csv", "N,D,loss,flops", *rows)
    words = f"frontier {path} --response loss --axes N,D --flops-column flops --bootstrap 20"
    assert main(words.split()) == 0
    out = capsys.readouterr().out
    assert "nan" not in out
    assert "1 rows with FLOPs flops without a finite number were left out" in out


def test_splits_whose_names_differ_after_sixty_letters_stay_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were one split, with one verdict."""
    falls, rises = "s" * 70 + "a", "s" * 70 + "b"
    rows = [
        f"{10**k},{4.0 ** (sign * k) * (1 + 0.01 * (-1) ** k)},{name}"
        for name, sign in ((falls, -1), (rises, 1))
        for k in range(6)
    ]
    path = csv(tmp_path / "t.csv", "x,loss,split", *rows)
    assert (
        main(["verdict", str(path), *["--response", "loss", "--axes", "x", "--split", "split"]])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert "scales" in lines[0]
    assert "worsens" in lines[1]
    assert lines[0].split(" x:")[0] != lines[1].split(" x:")[0]


def test_an_axis_that_the_law_does_not_have_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """C was left aside without a word."""
    path = csv(tmp_path / "t.csv", "N,D,C,loss", "1,1,1,1")
    words = f"fit {path} --response loss --axes N,D,C --law power-nd"
    assert main(words.split()) == 2
    assert "power-nd has N, D" in capsys.readouterr().err


def test_an_axis_named_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv(tmp_path / "t.csv", "N,D,loss", "1,1,1")
    assert main(f"fit {path} --response loss --axes N=N,N=D".split()) == 2
    assert "named twice" in capsys.readouterr().err
