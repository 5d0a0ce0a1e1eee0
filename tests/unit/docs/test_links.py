"""Every link inside the project leads to a file, and to a heading that is there."""

import re
from pathlib import Path

import pytest

from tests.documents import DOCUMENTS, prose
from tests.paths import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub and the site give to the headings."""
    headings = re.findall(r"^#+ (.*)", prose(document), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(prose(document)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(found), f"{target}: no such heading"


def test_every_page_of_an_extension_is_listed() -> None:
    index = (ROOT / "docs" / "extend" / "index.md").read_text()
    for page in (ROOT / "docs" / "extend").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index
