"""`report` and `figures`: one HTML page, or every figure, of a study or of any table of runs."""

from pathlib import Path
from typing import Annotated

import typer

from analysis.commands.options import (
    Columns,
    Floor,
    LawName,
    OutFolder,
    Resampling,
    Table,
    grouped,
)
from physscale.records.errors import UserError


@grouped
def report(
    *,
    study: Annotated[
        Path,
        typer.Argument(help="Results folder, such as results/quickstart; or a CSV or Parquet."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where to write; default: STUDY/report/index.html, or beside the table.",
        ),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print the page to PDF, with Chromium or Chrome.")
    ] = False,
    response: Annotated[
        str | None, typer.Option("--response", help="Of a table: column of the error or loss.")
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option("--axes", help="Of a table: columns by order (N,D) or name (N=params)."),
    ] = None,
    law: LawName = None,
    floor: Floor = None,
    columns: Columns,
    resampling: Resampling,
) -> None:
    """One HTML file from the results of a study, or from any table of runs."""
    from analysis.report.print_page import browser, print_page
    from physscale.records.store import Store

    if pdf:
        browser()  # refuses before the work, not after it
    if study.is_file():
        if response is None or axes is None:
            missing = "response" if response is None else "axes"
            raise UserError(
                f"{study} is a table: say which column with --{missing} (or give a results folder)"
            )
        from analysis.commands.table_report import table_report

        table = Table(file=study, response=response, axes=axes)
        page = table_report(table, columns, resampling, law=law, floor=floor)
        written = out or study.with_suffix(".report.html")
    else:
        page = _study_page(study)
        written = out or Store(study).report
    _write(written, page.encode())
    print(written)
    if pdf:
        print_page(written, out=written.with_suffix(".pdf"))
        print(written.with_suffix(".pdf"))


def _study_page(folder: Path) -> str:
    from analysis.data.study import read_study
    from analysis.report.findings import find_out
    from analysis.report.page import page

    return page(find_out(read_study(folder)))


def figures(
    *,
    study: Annotated[Path, typer.Argument(help="Results folder.")],
    out: OutFolder,
) -> None:
    """Every figure of a study as PNG with its CSV."""
    from analysis.data.study import read_study
    from analysis.report.drawings import drawings
    from analysis.report.findings import find_out
    from analysis.report.page import write_figures
    from physscale.records.store import NAME

    read = read_study(study)
    try:
        written = write_figures(
            drawings(find_out(read)),
            folder=out,
            names={"main": read.name if NAME.fullmatch(read.name) else "main"},
        )
    except OSError as error:
        raise UserError(f"--out {out}: cannot write there ({error.strerror})") from error
    for path in written:
        print(path)


def _write(path: Path, content: bytes) -> None:
    from physscale.records.store import write_atomic

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError as error:
        raise UserError(f"{path}: cannot write there ({error.strerror})") from error
