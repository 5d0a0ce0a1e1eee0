"""The report in a real browser: it opens without a request or a console error, its policy holds,
its tables sort.

The page is served with a script of the test's own that clicks and writes what it saw into the
title; the policy of the page is extended by that script's hash only."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from physscale.records.scores import SCORES
from tests.chromium import browse, needs_browser, seen
from tests.synthetic_study import write_study

pytestmark = needs_browser
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


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_study(folder / "planted")
    out = folder / "index.html"
    assert main(["report", str(folder / "planted"), "--out", str(out)]) == 0
    return probed(out, PROBE)


def probed(page: Path, script: str) -> Path:
    """The page with a script of ours, which its policy allows by its hash."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    extended, changed = re.subn(
        r"script-src ", f"script-src &#39;sha256-{digest}&#39; ", page.read_text(), count=1
    )
    assert changed == 1
    page.write_text(extended.replace("</body>", f"<script>{script}</script></body>"))
    return page


@pytest.mark.parametrize("width", [1200, 600])
def test_it_opens_without_a_request_or_an_error_and_sorts(
    page: Path, tmp_path: Path, width: int
) -> None:
    done = browse(page.as_uri(), tmp_path / "profile", width=width)
    found = seen(done)
    assert len(set(found["rising"])) > 2
    assert found["rising"] == sorted(found["rising"])
    assert found["falling"] == sorted(found["falling"], reverse=True)
    assert found["requests"] == []
    assert found["broken"] == 0
    assert found["pictures"] >= 6
    assert found["videos"] >= 6
    assert found["wide"] <= found["window"], "the page scrolls sideways"
    assert "CONSOLE" not in done.stderr, done.stderr


def test_the_policy_stops_a_foreign_script(page: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        page.read_text().replace(
            "</body>", "<script>document.documentElement.dataset.bad = 1</script></body>"
        )
    )
    done = browse(bad.as_uri(), tmp_path / "profile")
    assert "data-bad" not in done.stdout
    assert "Content Security Policy" in done.stderr


class Canary(BaseHTTPRequestHandler):
    """Notes who comes."""

    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.heard.append(self.path)
        self.send_error(404)

    def log_message(self, format: str, *values: object) -> None:
        """Says nothing."""


LOOK = """
document.documentElement.setAttribute("data-seen", JSON.stringify({
  evil: document.querySelectorAll("[data-evil]").length,
  words: document.body.innerText.includes("{{7*7}}"),
  tables: document.querySelectorAll("table").length,
}));
"""


@pytest.mark.slow
def test_hostile_names_tags_and_errors_are_text_and_ask_nobody(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Canary) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        study = write_study(tmp_path / "planted", videos=False)
        poison(study, evil=EVIL.replace("HERE", here))
        table = tmp_path / "table.csv"
        table.write_text(hostile_table(EVIL.replace("HERE", here)))
        for name, words in {
            "study": [str(study)],
            "table": [str(table), "--response", "loss", "--axes", "N", "--split", "split"],
        }.items():
            out = tmp_path / f"{name}.html"
            assert main(["report", *words, "--out", str(out)]) == 0
            done = browse(probed(out, LOOK).as_uri(), tmp_path / name)
            found = seen(done)
            assert (found["evil"], found["words"]) == (0, True)
            assert found["tables"] > 1
            assert "CONSOLE" not in done.stderr, done.stderr[-2000:]
        server.shutdown()
    assert Canary.heard == []


EVIL = (
    "{{7*7}}</title></style></script><script data-evil>fetch('HERE/a')</script>"
    "<img data-evil src='HERE/b' onerror=alert(1)>\"'><style data-evil>@import 'HERE/c'</style>"
    "{% raw %}${7*7}"
)


def poison(study: Path, *, evil: str) -> None:
    """Every word that a study may bring, two of a megabyte among them."""
    (study / "study.json").write_text(
        json.dumps(
            {
                "name": evil,
                "question": evil + "x" * 1_000_000,
                "demonstrations": {"gap": "gap", evil: evil},
                "environment": {"commit": evil, evil: evil + "y" * 1_000_000, "cpus": evil},
            }
        )
    )
    scores = pq.read_table(study / "scores.parquet").to_pandas()
    scores.loc[scores["split"] == "radius", "split"] = evil
    scores.loc[scores["group"] == "noflip", "group"] = evil
    scores.loc[scores["source"] == "clamp", "source"] = evil
    pq.write_table(pa.Table.from_pandas(scores, schema=SCORES), study / "scores.parquet")
    with (study / "ledger.jsonl").open("a") as ledger:
        failed = {"run": "f" * 64, "state": "FAILED", "time_s": 2e4, "error": evil}
        ledger.write(json.dumps(failed) + "\n")
    for spec in study.glob("runs/*/run.json"):
        read = json.loads(spec.read_text())
        spec.write_text(json.dumps(read | {"tags": [evil], "group": evil}))


def hostile_table(evil: str) -> str:
    quoted = evil.replace('"', '""')
    rows = [f'{10**k},{2.0**-k * (1 + 0.03 * (-1) ** k)},"{quoted}"' for k in range(6)]
    return "\n".join(["N,loss,split", *rows]) + "\n"
