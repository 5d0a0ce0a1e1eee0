"""The report in a real browser: it opens without a request or a console error, its policy holds,
its tables sort.

The page is served with a script of the test's own that clicks and writes what it saw into the
title; the policy of the page is extended by that script's hash only."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analysis.commands.app import main
from tests.synthetic_study import write_study

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium in PATH")
PROBE = """
const table = document.querySelector("#table-runs");
const column = [...table.querySelectorAll("th")].findIndex((head) => head.textContent === "N");
const values = () =>
  [...table.tBodies[0].rows].map((row) => Number(row.cells[column].dataset.order));
const click = () => table.querySelectorAll("th button")[column].click();
click(); const rising = values();
click(); const falling = values();
const pictures = [...document.images];
document.documentElement.setAttribute("data-seen", JSON.stringify({
  rising, falling, pictures: pictures.length,
  broken: pictures.filter((image) => image.complete && image.naturalWidth === 0).length,
  videos: document.querySelectorAll("video").length,
  wide: document.documentElement.scrollWidth, window: innerWidth,
  requests: performance.getEntriesByType("resource").map((entry) => entry.name)
    .filter((name) => !name.startsWith("data:")),
}));
"""


def browse(page: Path, profile: Path, *, width: int) -> subprocess.CompletedProcess[str]:
    quiet = [
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        *quiet,
        f"--user-data-dir={profile}",
        f"--window-size={width},900",
    ]
    rest = [
        "--enable-logging=stderr",
        "--v=0",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ]
    return subprocess.run(
        [*command, *rest, page.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_study(folder / "planted")
    out = folder / "index.html"
    assert main(["report", str(folder / "planted"), "--out", str(out)]) == 0
    text = out.read_text()
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    extended, changed = re.subn(
        r"script-src ", f"script-src &#39;sha256-{digest}&#39; ", text, count=1
    )
    assert changed == 1
    out.write_text(extended.replace("</body>", f"<script>{PROBE}</script></body>"))
    return out


@pytest.mark.parametrize("width", [1200, 600])
def test_it_opens_without_a_request_or_an_error_and_sorts(
    page: Path, tmp_path: Path, width: int
) -> None:
    done = browse(page, tmp_path / "profile", width=width)
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    seen = json.loads(found.group(1).replace("&quot;", '"'))
    assert len(set(seen["rising"])) > 2
    assert seen["rising"] == sorted(seen["rising"])
    assert seen["falling"] == sorted(seen["falling"], reverse=True)
    assert seen["requests"] == []
    assert seen["broken"] == 0
    assert seen["pictures"] >= 6
    assert seen["videos"] >= 6
    assert seen["wide"] <= seen["window"], "the page scrolls sideways"
    assert "CONSOLE" not in done.stderr, done.stderr


def test_the_policy_stops_a_foreign_script(page: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        page.read_text().replace(
            "</body>", "<script>document.documentElement.dataset.bad = 1</script></body>"
        )
    )
    done = browse(bad, tmp_path / "profile", width=800)
    assert "data-bad" not in done.stdout
    assert "Content Security Policy" in done.stderr
