"""One version: of the package, of its citation and of the changelog's newest heading."""

import re
import tomllib

from tests.paths import ROOT


def test_package_citation_and_changelog_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+) · (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert cited is not None
    assert newest is not None
    assert version == cited[1]
    assert version.removesuffix(".dev0") == newest[1]
    assert version.endswith(".dev0") == (newest[2] == "unreleased")
