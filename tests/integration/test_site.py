"""The documentation is built with strict links, the room READMEs and the API among its pages."""

import re
import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    for page in ("index", "reference/api/index", "rooms/analysis/index", "extend/index"):
        assert (tmp_path / f"{page}.html").is_file()
    api = (tmp_path / "reference/api/index.html").read_text()
    assert 'id="physscale.study.spec.Study"' in api
    law = (tmp_path / "extend/my_law/index.html").read_text()
    assert 'id="the-file"' in law
    for page in tmp_path.rglob("*.html"):
        targets = re.findall(r'href="([^":#]+\.py)"', page.read_text())
        assert not targets, f"{page.relative_to(tmp_path)}: {targets} are not on the site"
