"""Places that a command may not read or write: one line, before anything is spent."""

import errno
import os
from pathlib import Path

import pytest
import typer

from physscale.records.command_line import run_app
from physscale.records.errors import UserError
from physscale.records.store import check_place


def ending_of(error: Exception, *, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    app = typer.Typer()

    @app.command()
    def fails() -> None:
        raise error

    return run_app(app, ["--"]), capsys.readouterr().err


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR]
)
def test_a_closed_place_is_one_line(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(number, os.strerror(number), "/data/of/others")
    code, said = ending_of(error, capsys=capsys)
    assert code == 2
    assert said == f"physscale: /data/of/others: {os.strerror(number)}\n"


def test_a_full_disk_names_the_disk(capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data")
    code, said = ending_of(error, capsys=capsys)
    assert (code, said.count("\n")) == (1, 1)
    assert "the disk at /" in said


def test_an_error_of_no_file_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermissionError, match="odd"):
        ending_of(PermissionError("odd"), capsys=capsys)


def test_a_place_is_asked_for_before_hours_are_spent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    check_place(tmp_path / "new" / "folders" / "table.md")
    check_place(tmp_path / "file")
    for closed in (tmp_path, tmp_path / "file" / "table.md", tmp_path / "loop" / "table.md"):
        with pytest.raises(UserError, match=r"\Acannot write [^\n]*; choose another [^\n]*\Z"):
            check_place(closed)
