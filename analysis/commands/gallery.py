"""`gallery`: figures of published scaling studies, drawn from their runs, to compare with the
papers.

The paper's own numbers (Kang et al. 2024) are built in. `--data` names a folder with public tables
of other studies: Chinchilla's points as digitised by Besiroglu et al. 2024 (arXiv 2404.10102),
Gadre et al. 2024 (2403.08540), the OLMo ladder (2412.04403)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.commands.options import OutFolder
from physscale.records.errors import UserError

if TYPE_CHECKING:
    from analysis.data.table import Runs
    from analysis.figures.drawing import Drawing

_DRAWS = 500
# name of the figures -> file, response, axes, rows, law, delta
_ND = {"N": "N", "D": "D"}
_PUBLISHED: dict[str, tuple[str, str, dict[str, str], str, str, float | None]] = {
    "chinchilla": (
        "chinchilla_besiroglu.csv",
        "loss",
        _ND,
        "excluded_in_paper == 0",
        "power-nd",
        1e-3,
    ),
    "gadre": (
        "gadre_overtraining_104.csv",
        "loss_c4_val",
        _ND,
        "train_set == rpj",
        "power-nd-tied",
        None,
    ),
    "olmo_ladder": ("olmo_ladder_step1.csv", "loss_c4", _ND, "mode == train", "power-nd", 1e-3),
}
_FIGURES = ("curves", "reducible", "contours", "iso_flops", "hold_out", "sensitivity")


def gallery(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder with the public tables; without it, the built-in example."
        ),
    ] = None,
    out: OutFolder,
) -> None:
    """Figures of published scaling studies, drawn from their runs."""
    from analysis.report.page import write_figures

    if data is not None and not data.is_dir():
        raise UserError(f"--data {data}: no such folder")
    public = [] if data is None else [published(name, folder=data) for name in _PUBLISHED]
    drawn = [drawing for part in (built_in(), *public) for drawing in part]
    try:
        written = write_figures(drawn, folder=out, names={})
    except OSError as error:
        raise UserError(f"--out {out}: cannot write there ({error.strerror})") from error
    for path in written:
        print(path)


def built_in() -> "list[Drawing]":
    """The paper's three tasks, in and out of distribution, with verdicts. Also its share of
    abnormal videos."""
    import numpy as np

    from analysis.data.table import Runs
    from analysis.examples.kang2024 import ABNORMAL, ABNORMAL_VIDEOS, VELOCITY_ERROR
    from analysis.examples.kang2024_fits import KINDS, abnormal, velocity_table
    from analysis.figures import ratio, split_panels
    from analysis.figures.drawing import Drawing
    from analysis.fit.splits import fit_splits
    from analysis.laws.registry import law_named

    tables = [
        (f"{task}, {kind.split()[0]}", *velocity_table(task, kind))
        for task in VELOCITY_ERROR
        for kind in KINDS
    ]
    runs = Runs(
        {axis: np.concatenate([axes[axis] for _, axes, _ in tables]) for axis in ("N", "D")},
        np.concatenate([error for *_, error in tables]),
        np.concatenate([np.full(len(error), name, dtype=object) for name, _, error in tables]),
        np.full(sum(len(error) for *_, error in tables), "", dtype=object),
        None,
        None,
        (),
    )
    parts = fit_splits(
        law_named("power-nd"),
        runs=runs,
        delta=None,
        floor=None,
        bootstrap=_DRAWS,
        seed=0,
        with_profile=True,
        with_hold_out=False,
    )
    names = {"N": "parameters", "D": "training videos"}
    main = split_panels.table(parts, response="velocity error (m/s)", names=names)
    x, share = np.array(ABNORMAL, dtype=float).T
    laws = {law: abnormal(law) for law in ("ratio-power", "ratio-logit")}
    shares = ratio.table(
        laws,
        x=x,
        share=share,
        count=np.full(len(x), float(ABNORMAL_VIDEOS)),
        response="share of abnormal videos",
    )
    return [
        Drawing(
            "paper",
            main,
            split_panels.draw,
            "Kang et al. 2024: velocity error of nine runs per task, with verdicts",
        ),
        Drawing(
            "paper_abnormal",
            shares,
            ratio.draw,
            "Kang et al. 2024: share of abnormal videos against templates",
        ),
    ]


def published(name: str, *, folder: Path) -> "list[Drawing]":
    """The figures of one public table.

    Raises:
        UserError: if the folder has no such table.
    """
    from analysis.figures.drawing import Drawing
    from analysis.fit.splits import fit_splits
    from analysis.laws.registry import law_named
    from analysis.report.table_drawings import split_drawings

    file, response, _, _, law, delta = _PUBLISHED[name]
    runs = _runs(name, folder=folder)
    part = fit_splits(law_named(law), runs=runs, delta=delta, floor=None, bootstrap=_DRAWS, seed=0)[
        0
    ]
    drawings = split_drawings(part, response=response.replace("_", " "))
    return [
        Drawing(f"{name}_{d.name}", d.table, d.draw, f"{file}: {d.words}")
        for d in drawings
        if d.name in _FIGURES
    ]


def _runs(name: str, *, folder: Path) -> "Runs":
    from analysis.data.table import read_runs

    file, response, axes, where, *_ = _PUBLISHED[name]
    return read_runs(folder / file, response=response, axes=axes, where=where)
