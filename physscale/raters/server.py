"""The local page for raters. It serves this machine alone, contacts no other, and does not reveal
the names of sources.

```
GET /  /page.js  /page.css      the page
GET /screen?rater=NAME          the rater's next clips, and the progress
GET /clip/NAME                  a clip as mp4
POST /answer                    {"rater", "clip", "obeys", "seconds"}: one row of the answers
```
"""

import functools
import importlib.resources
import json
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from physscale.raters.answers import answered, checked_rater, left, read_answers, write_answer
from physscale.raters.clips import Clip, movie, order_of
from physscale.records.errors import UserError
from physscale.records.json_value import parsed

HOST = "127.0.0.1"
ON_A_SCREEN = 4
LONGEST_ANSWER = 4096
CACHED_CLIPS = 64
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; media-src 'self'; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}


@dataclass(frozen=True)
class HumanStudy:
    """The clips that raters see, and the file that takes their answers."""

    folder: Path
    clips: list[Clip]
    answers: Path
    seed: int


class StudyServer(ThreadingHTTPServer):
    """Listens on a port of this machine (0: any free port) until `shutdown`.

    Raises:
        UserError: if the port is taken.
    """

    daemon_threads = True

    def __init__(self, study: HumanStudy, *, port: int) -> None:
        self.study = study
        self.by_name = {clip.name: clip for clip in study.clips}
        self.fault: UserError | None = None
        self._movies = functools.lru_cache(CACHED_CLIPS)(self._movie)
        self._drawing = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"--port {port}: cannot listen there ({error}); use another, or 0 for any free port"
            ) from error

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    def movie(self, clip: Clip) -> bytes:
        with self._drawing:
            return self._movies(clip)

    def _movie(self, clip: Clip) -> bytes:
        return movie(self.study.folder, clip=clip)

    def fail(self, error: UserError) -> None:
        """Stops the server: a fault of the file system will hit the next request as well."""
        self.fault = error
        threading.Thread(target=self.shutdown, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: StudyServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "physscale", ""
    timeout = 60

    def do_GET(self) -> None:
        self._guarded(self._get)

    def do_POST(self) -> None:
        self._guarded(self._post)

    def _guarded(self, work: Any) -> None:  # noqa: ANN401
        """Refuses foreign hosts and origins, so that DNS rebinding gives no other page access."""
        hosts = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in hosts or (
            origin and urlsplit(origin).netloc not in hosts
        ):
            self.close_connection = True
            self._say(HTTPStatus.FORBIDDEN, {"error": "this page is for this machine"})
            return
        try:
            work()
        except ValueError as error:
            self._say(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except UserError as error:
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(error)})
            self.server.fail(error)

    def _get(self) -> None:
        asked = urlsplit(self.path)
        if asked.path in _PAGES:
            name, kind = _PAGES[asked.path]
            self._send(
                HTTPStatus.OK,
                importlib.resources.files(__package__).joinpath(name).read_bytes(),
                kind=f"{kind}; charset=utf-8",
            )
        elif asked.path == "/screen":
            self._say(
                HTTPStatus.OK,
                self._screen(checked_rater(parse_qs(asked.query).get("rater", [""])[0])),
            )
        elif asked.path.startswith("/clip/") and asked.path[6:] in self.server.by_name:
            self._send(
                HTTPStatus.OK,
                self.server.movie(self.server.by_name[asked.path[6:]]),
                kind="video/mp4",
            )
        else:
            self._say(HTTPStatus.NOT_FOUND, {"error": "no such page"})

    def _screen(self, rater: str) -> dict[str, Any]:
        study = self.server.study
        missing = left(
            order_of(study.clips, rater=rater, seed=study.seed),
            answers=read_answers(study.answers),
            rater=rater,
        )
        shown = [clip.name for clip in missing[:ON_A_SCREEN]]
        return {
            "rater": rater,
            "clips": shown,
            "done": len(study.clips) - len(missing),
            "all": len(study.clips),
        }

    def _post(self) -> None:
        text = self.headers.get("Content-Length", "")
        size = int(text) if text.isdecimal() and len(text) < 8 else -1
        if (
            self.path != "/answer"
            or self.headers.get_content_type() != "application/json"
            or not 0 <= size <= LONGEST_ANSWER
        ):
            self.close_connection = True
            raise ValueError(
                f"POST /answer takes one JSON object of at most {LONGEST_ANSWER} bytes"
            )
        said = parsed(self.rfile.read(size))
        if not isinstance(said, dict):
            raise ValueError("an answer is a JSON object")
        write_answer(
            self.server.study.answers,
            answered(said, clips=self.server.by_name, seed=self.server.study.seed),
        )
        self._say(HTTPStatus.OK, {"written": True})

    def _say(self, status: HTTPStatus, values: dict[str, Any]) -> None:
        self._send(status, json.dumps(values).encode(), kind="application/json")

    def _send(self, status: HTTPStatus, body: bytes, *, kind: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """Logs no requests."""
