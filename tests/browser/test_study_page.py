"""The human study in a real browser: a rater types a hostile name and rates all by the keyboard;
no other machine is asked.

Virtual time stands still while something is asked of the server, so waiting is done by asking. The
page is served as users get it; a script of the test's own is added to page.js, which the policy
allows as the page's own."""

import html
import importlib.resources
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.file import with_frames, write_videos
from physscale.raters import server as serving
from physscale.raters.answers import read_answers
from physscale.raters.clips import clips_of
from physscale.raters.server import HumanStudy, StudyServer
from physscale.render.canvas import Canvas
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium in PATH")
NAME = "<img src=x onerror=document.title=1>"
PROBE = """
(async () => {
  const until = async (met) => { while (!met()) await (await fetch("/page.css")).text(); };
  const press = (key) =>
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  byId("name").value = RATER;
  byId("enter").requestSubmit();
  const screens = [];
  while (true) {
    const fresh = () => state.clips.length > 0 && !state.seen?.includes(state.clips.join());
    await until(() => !byId("end").hidden || fresh());
    if (!byId("end").hidden) break;
    state.seen = [...(state.seen || []), state.clips.join()];
    const videos = [...document.querySelectorAll("video")];
    await until(() => videos.every((video) => video.readyState >= 2 || video.error));
    const broken = videos.filter((video) => video.error).length;
    screens.push({ videos: videos.length, broken, wide: document.documentElement.scrollWidth });
    press("y"); press("arrowleft"); press("n");
    for (let number = 1; number < videos.length; number += 1) press("n");
    press("Enter");
  }
  document.documentElement.setAttribute("data-seen", JSON.stringify({
    screens,
    thanks: byId("thanks").textContent,
    error: byId("error").textContent,
    pictures: document.images.length,
    window: innerWidth,
    foreign: performance.getEntriesByType("resource")
      .map((entry) => entry.name)
      .filter((name) => !name.startsWith(location.origin)),
  }));
})();
"""


def browse(url: str, profile: Path, *, width: int) -> subprocess.CompletedProcess[str]:
    quiet = [
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    window = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        f"--window-size={width},900",
    ]
    rest = [
        "--enable-logging=stderr",
        "--v=0",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "--virtual-time-budget=20000",
    ]
    command = [str(BROWSER), *window, *quiet, *rest, "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("width", [1200, 600])
def test_a_rater_rates_all_by_the_keyboard(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = simulate(DataSpec(scenario=UniformMotion(), videos=6, frames=8), indices=np.arange(6))
    write_videos(tmp_path / "clips" / "model.arrow", with_frames(videos, canvas=Canvas(size_px=32)))
    script = tmp_path / "page.js"
    own = importlib.resources.files("physscale.raters").joinpath("page.js").read_text()
    script.write_text(f"{own}\nconst RATER = {json.dumps(NAME)};\n{PROBE}")
    monkeypatch.setitem(serving._PAGES, "/page.js", (str(script), "text/javascript"))
    folder = tmp_path / "clips"
    study = HumanStudy(folder, clips_of(folder, each=6, seed=0), tmp_path / "answers.jsonl", 0)
    with StudyServer(study, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        done = browse(server.url, tmp_path / "profile", width=width)
        server.shutdown()
        thread.join()
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    seen = json.loads(html.unescape(found.group(1)))
    assert [screen["videos"] for screen in seen["screens"]] == [4, 2]
    assert all(
        screen["broken"] == 0 and screen["wide"] <= seen["window"] for screen in seen["screens"]
    )
    assert seen["thanks"].startswith(f"{NAME}: all 6 videos are rated")
    assert (seen["error"], seen["pictures"], seen["foreign"]) == ("", 0, [])
    assert "<title>Does it obey physics?</title>" in done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr
    rows = read_answers(study.answers)
    assert sorted(row.index for row in rows) == list(range(6))
    assert {row.rater for row in rows} == {NAME}
    assert all(row.abnormal for row in rows), "the last of two answers counts"
