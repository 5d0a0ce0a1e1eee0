"""The page: one HTML file that needs nothing else. Style and script are inline, and the content
security policy names their hashes. Figures, videos and CSV files are data URIs. All text goes
through autoescape."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figures.drawing import Drawing
from analysis.figures.style import Layout, svg
from analysis.report import words
from analysis.report.findings import Findings
from analysis.report.section import Section
from analysis.report.sections import main_drawing, sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILES = Path(__file__).parent
_PIXELS_AN_INCH = 144
_LONGEST_CAPTION = 160


def page(findings: Findings) -> str:
    """The whole report of a study as HTML."""
    ratio = words.ratio_sentence(findings)
    return render(
        title=findings.study.name,
        question=str(findings.study.record.get("question", "")),
        headline=words.headline(findings),
        remarks=[sentence for sentence in (ratio,) if sentence],
        main=main_drawing(findings),
        sections=sections(findings),
    )


def render(
    *,
    title: str,
    question: str,
    headline: Sequence[tuple[str, str, str]],
    remarks: Sequence[str],
    main: Drawing | None,
    sections: Sequence[Section],
) -> str:
    """The HTML of headlines (kind, verdict, sentence), a main figure and sections."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    style, script = ((_FILES / name).read_text() for name in ("page.css", "page.js"))
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=title,
        question=question,
        policy=_policy(style, script),
        style=_Markup(style),
        script=_Markup(script),
        headline=headline,
        remarks=remarks,
        main=_picture(main) if main else None,
        sections=[
            {
                "key": section.key,
                "title": section.title,
                "paragraphs": [text for text in section.paragraphs if text],
                "pictures": [_picture(drawing) for drawing in section.drawings],
                "clips": section.clips,
                "grids": section.grids,
            }
            for section in sections
        ],
    )


def _policy(style: str, script: str) -> str:
    """The content security policy: nothing is loaded, and only this style and this script take
    effect."""
    return (
        f"default-src 'none'; img-src data:; media-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _Markup(text: str) -> Any:  # noqa: ANN401, N802
    from markupsafe import Markup

    return Markup(text)


def _picture(drawing: Drawing) -> dict[str, Any]:
    wide, narrow = drawing.figure("row"), drawing.figure("column")
    return {
        "name": drawing.name,
        "words": drawing.words,
        "caption": drawing.words if len(drawing.words) <= _LONGEST_CAPTION else "",
        "wide": _uri(svg(wide), "image/svg+xml"),
        "narrow": _uri(svg(narrow), "image/svg+xml"),
        "wide_px": _pixels(wide),
        "narrow_px": _pixels(narrow),
        "csv": _uri(drawing.csv(), "text/csv"),
    }


def _pixels(figure: "Figure") -> tuple[int, int]:
    """Width and height on a screen, larger than in print. The page reserves the space before the
    picture loads."""
    width, height = figure.get_size_inches() * _PIXELS_AN_INCH
    return round(width), round(height)


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def write_figures(
    drawn: Iterable[Drawing], *, folder: Path, names: dict[str, str], layout: Layout = "row"
) -> list[Path]:
    """Every figure as PNG (300 dots per inch) and PDF with its CSV beside them. `names` renames
    some."""
    from analysis.figures.style import pdf, png

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for drawing in drawn:
        name = names.get(drawing.name, drawing.name)
        figure = drawing.figure(layout)
        for suffix, content in (
            ("png", png(figure)),
            ("pdf", pdf([figure])),
            ("csv", drawing.csv()),
        ):
            path = folder / f"{name}.{suffix}"
            path.write_bytes(content)
            written.append(path)
    return written
