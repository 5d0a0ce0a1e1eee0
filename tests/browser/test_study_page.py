"""The human study in a real browser: a rater types a hostile name and rates all by the keyboard;
no other machine is asked.

Virtual time stands still while something is asked of the server, so waiting is done by asking. The
page is served as users get it; a script of the test's own is added to page.js, which the policy
allows as the page's own."""

import importlib.resources
import json
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
from tests.chromium import browse, needs_browser, seen

pytestmark = needs_browser
PICTURE = "<img src=x onerror=document.title=1>"
SCRIPT = "</style><script>alert()</script>{{7*7}}"
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


def looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, script: str, width: int, answers: str = ""
) -> tuple[HumanStudy, subprocess.CompletedProcess[str]]:
    """The page of six clips with a script of ours."""
    videos = simulate(DataSpec(scenario=UniformMotion(), videos=6, frames=8), indices=np.arange(6))
    folder = tmp_path / "<b data-evil>"
    write_videos(folder / "model.arrow", with_frames(videos, canvas=Canvas(size_px=32)))
    own = importlib.resources.files("physscale.raters").joinpath("page.js").read_text()
    (tmp_path / "page.js").write_text(f"{own}\n{script}")
    page = (str(tmp_path / "page.js"), "text/javascript")
    monkeypatch.setitem(serving._PAGES, "/page.js", page)
    study = HumanStudy(folder, clips_of(folder, each=6, seed=0), folder / "answers.jsonl", 0)
    if answers:
        study.answers.write_text(answers)
    with StudyServer(study, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        done = browse(server.url, tmp_path / "profile", width=width, budget_ms=20_000)
        server.shutdown()
        thread.join()
    return study, done


@pytest.mark.parametrize(("width", "name"), [(1200, PICTURE), (600, SCRIPT)])
def test_a_rater_rates_all_by_the_keyboard(
    tmp_path: Path, width: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"const RATER = {json.dumps(name)};\n{PROBE}"
    study, done = looked_at(tmp_path, monkeypatch, script=script, width=width)
    found = seen(done)
    assert [screen["videos"] for screen in found["screens"]] == [4, 2]
    assert all(
        screen["broken"] == 0 and screen["wide"] <= found["window"] for screen in found["screens"]
    )
    assert found["thanks"].startswith(f"{name}: all 6 videos are rated")
    assert (found["error"], found["pictures"], found["foreign"]) == ("", 0, [])
    assert "<title>Does it obey physics?</title>" in done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr
    rows = read_answers(study.answers)
    assert sorted(row.index for row in rows) == list(range(6))
    assert {row.rater for row in rows} == {name}
    assert all(row.abnormal for row in rows), "the last of two answers counts"


FAULT = """
(async () => {
  byId("name").value = "rater";
  byId("enter").requestSubmit();
  while (!byId("error").textContent) await (await fetch("/page.css")).text();
  document.documentElement.setAttribute("data-seen", JSON.stringify({
    error: byId("error").textContent, evil: document.querySelectorAll("[data-evil]").length,
  }));
})();
"""


def test_an_error_with_markup_is_shown_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = '{"rater": "<b data-evil>"}\n'
    _, done = looked_at(tmp_path, monkeypatch, script=FAULT, width=800, answers=damaged)
    found = seen(done)
    assert "<b data-evil>" in found["error"]
    assert found["evil"] == 0
