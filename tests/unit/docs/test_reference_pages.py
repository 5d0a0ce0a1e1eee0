"""The pages of the reference say what the code says today."""

import re

import pytest

from docs.reference_pages import FOLDER, PAGES
from physscale.records import errors
from physscale.records.metric_table import BUILT_IN
from tests.paths import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_made_page_is_the_page_as_it_is_made(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run python -m docs.reference_pages"


def test_every_metric_is_explained_with_its_unit() -> None:
    page = (FOLDER / "metrics.md").read_text()
    units = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", page, flags=re.MULTILINE))
    declared = {metric.name: "share" if metric.share else metric.unit or "–" for metric in BUILT_IN}
    assert units == declared


def test_every_exit_code_of_an_error_is_explained() -> None:
    page = (FOLDER / "exit-codes.md").read_text()
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.UserError)
    }
    assert codes >= {2, 3, 4, 5}
    assert codes <= {int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)}


def test_the_rooms_of_the_readme_stand_in_the_order_of_the_imports() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    (contract,) = re.findall(r"name = \"One way.*?layers = \[(.*?)\]", project, flags=re.DOTALL)
    layers = [
        {room.strip().removeprefix("physscale.") for room in layer.split("|")}
        for layer in re.findall(r"\"(.*?)\"", contract)
    ]
    rows = re.findall(
        r"^\| (\d+) \| \[?`physscale/(\w+)`", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    shown: dict[int, set[str]] = {}
    for layer, room in rows:
        shown.setdefault(int(layer), set()).add(room)
    assert [int(layer) for layer, _ in rows] == sorted(int(layer) for layer, _ in rows)
    assert list(shown.values()) == [layer for layer in layers if layer != {"__main__"}]
