"""The command line. It starts fast: what a command needs is imported by that command.

Exit codes: 0 done, 2 wrong input, 5 damaged files.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from physscale.records.errors import UserError

EXAMPLES = {
    "report": (
        "report results/quickstart",
        "report runs.csv --response loss --axes N=params,D=tokens --split split --pdf",
    ),
    "figures": ("figures results/quickstart --out figures",),
    "fit": (
        "fit runs.csv --law power-nd --response loss --axes N=params,D=tokens --split split --json",
        'fit runs.csv --response loss --axes N,D --where "excluded == 0" --bootstrap 4000 --draws '
        "draws.parquet",
    ),
    "verdict": ("verdict runs.csv --response velocity_error --axes N,D --split split",),
    "frontier": (
        "frontier runs.csv --response loss --axes N,D --flops-column flops --budgets 1e19,1e20",
    ),
    "next": (
        "next runs.csv --response loss --axes N,D --parameter beta --budget 1e21 --out next.json",
    ),
    "compare": ("compare runs.csv --response loss --axes x=params --laws power-zero,power",),
    "bands": ("bands draws.parquet --at N=1e9,D=1e10",),
    "plot": ("plot runs.csv --response loss --axes N,D --out figures --width single",),
    "gallery": ("gallery --data shared/data --out build/gallery",),
    "selftest": ("selftest", "selftest --full --out promises.md"),
    "example": ("example --json",),
    "laws": ("laws",),
}
"""Shown below the options of each command."""
_ABOUT = """Scaling laws of a study or of any table of runs: verdicts, fits, frontiers, figures, one HTML report.
Exit codes: 0 done, 2 wrong input, 5 damaged files."""


class _Parser(argparse.ArgumentParser):
    """One line on a mistake, as everywhere in physscale."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    from physscale.records.errors import DamagedData

    try:
        chosen = command_line().parse_args(arguments)
    except SystemExit as done:
        return int(done.code or 0)
    try:
        return int(chosen.run(chosen) or 0)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader (head, less) had enough
        return 0
    except (UserError, DamagedData) as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)


def command_line() -> argparse.ArgumentParser:
    """Every command with its options and examples."""
    from analysis.commands.bands import add_bands
    from analysis.commands.compare import add_compare
    from analysis.commands.gallery import add_gallery
    from analysis.commands.plots import add_plot
    from analysis.commands.table import add_commands
    from analysis.commands.table_report import add_table_report

    parser = _Parser(prog="python -m analysis", description=_ABOUT)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    report = commands.add_parser(
        "report", help="one HTML file from the results of a study, or from any table of runs"
    )
    report.add_argument(
        "study",
        type=Path,
        help="results folder, such as results/quickstart; or a CSV or Parquet file",
    )
    report.add_argument(
        "--out",
        type=Path,
        help="where to write (default: STUDY/report/index.html, or beside the table)",
    )
    report.add_argument(
        "--pdf",
        action="store_true",
        help="also print the page to PDF beside it (with Chromium or Chrome)",
    )
    add_table_report(report)
    report.set_defaults(run=_report)
    figures = commands.add_parser("figures", help="every figure as PNG with its CSV")
    figures.add_argument("study", type=Path, help="results folder")
    figures.add_argument("--out", type=Path, required=True, help="folder to write to")
    figures.set_defaults(run=_figures)
    add_commands(commands)
    add_compare(commands)
    add_bands(commands)
    add_plot(commands)
    add_gallery(commands)
    for name, command in commands.choices.items():
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        command.epilog = "\n".join(
            ["examples:", *(f"  python -m analysis {example}" for example in EXAMPLES[name])]
        )
    return parser


def _report(chosen: argparse.Namespace) -> int:
    from analysis.report.print_page import browser, print_page

    if chosen.pdf:
        browser()  # refused before the work, not after it
    out, text = _study_report(chosen) if not chosen.study.is_file() else _table_report(chosen)
    _write(out, text.encode())
    print(out)
    if chosen.pdf:
        print_page(out, out=out.with_suffix(".pdf"))
        print(out.with_suffix(".pdf"))
    return 0


def _study_report(chosen: argparse.Namespace) -> tuple[Path, str]:
    from analysis.data.study import read_study
    from analysis.report.findings import find_out
    from analysis.report.page import page
    from physscale.records.store import Store

    return chosen.out or Store(chosen.study).report, page(find_out(read_study(chosen.study)))


def _table_report(chosen: argparse.Namespace) -> tuple[Path, str]:
    from analysis.commands.table_report import table_report

    return table_report(chosen)


def _figures(chosen: argparse.Namespace) -> int:
    from analysis.data.study import read_study
    from analysis.report.drawings import drawings
    from analysis.report.findings import find_out
    from analysis.report.page import write_figures
    from physscale.records.store import NAME

    study = read_study(chosen.study)
    try:
        written = write_figures(
            drawings(find_out(study)),
            folder=chosen.out,
            names={"main": study.name if NAME.fullmatch(study.name) else "main"},
        )
    except OSError as error:
        raise UserError(f"--out {chosen.out}: cannot write there ({error.strerror})") from error
    for path in written:
        print(path)
    return 0


def _write(path: Path, content: bytes) -> None:
    from physscale.records.store import write_atomic

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError as error:
        raise UserError(f"{path}: cannot write there ({error.strerror})") from error
