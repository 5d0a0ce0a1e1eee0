"""A W&B server of a page: takes runs, histories, files and workspaces on loopback, or refuses in a
chosen way."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mood = Literal["well", "429", "500", "silent", "reset"]
SILENCE_S = 120.0
_AT_ONCE = struct.pack("ii", 1, 0)
"""A socket that is closed so sends a reset."""


@dataclass
class Server:
    """What arrived, and how to answer."""

    mood: Mood = "well"
    url: str = ""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    summary: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    views: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def environment(self) -> dict[str, str]:
        """For a client."""
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": "0" * 40,
            "WANDB_MODE": "online",
            "WANDB_ENTITY": "somebody",
        }

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """GraphQL, by the name of what is asked for."""
        if "upsertBucket" in query:
            name = variables["name"] if variables.get("name") else variables["id"]
            inserted = name not in self.runs
            self.runs.setdefault(name, {}).update(
                {key: value for key, value in variables.items() if value is not None}
            )
            bucket = {
                "id": f"bucket-{name}",
                "name": name,
                "displayName": variables.get("displayName") or name,
                "sweepName": None,
                "historyLineCount": len(self.history.get(name, [])),
                "config": "{}",
                "project": {
                    "id": "p",
                    "name": "physscale",
                    "entity": {"id": "e", "name": "somebody"},
                },
            }
            return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}
        if "model(" in query and "bucket(" in query:
            return {"model": self._known(variables.get("name") or variables.get("run"))}
        if "createRunFiles" in query:
            named = [
                {"name": name, "uploadUrl": f"{self.url}/upload/{variables['run']}/{name}"}
                for name in variables["files"]
            ]
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": named}}
        if "upsertView" in query:
            self.views.append(variables)
            return {
                "upsertView": {
                    "view": {"id": "dmlldzox", "name": "view", "displayName": "view"},
                    "inserted": True,
                }
            }
        if "viewer" in query:
            teams = {"edges": [{"node": {"id": "e", "name": "somebody"}}]}
            return {
                "viewer": {
                    "id": "v",
                    "username": "somebody",
                    "entity": "somebody",
                    "flags": "{}",
                    "teams": teams,
                    "email": "",
                }
            }
        if "project" in query:
            found = {"id": "UHJvamVjdDox", "internalId": "UHJvamVjdDox", "name": "physscale"}
            return {
                "project": found,
                "upsertModel": {
                    "model": {"id": "p", "name": "physscale", "entityName": "somebody"}
                },
            }
        self.unknown.append(query)
        return {}

    def _known(self, name: str | None) -> dict[str, Any] | None:
        if name not in self.runs:
            return None
        lines = self.history.get(name, [])
        tail = json.dumps([json.dumps(line) for line in lines[-1:]])
        step = max((line["_step"] for line in lines), default=-1)
        bucket = {
            "id": f"bucket-{name}",
            "name": name,
            "displayName": name,
            "summaryMetrics": json.dumps({"_step": step}),
            "config": "{}",
            "wandbConfig": '{"t": 1}',
            "tags": [],
            "historyLineCount": len(lines),
            "historyTail": tail,
            "logLineCount": 0,
            "eventsLineCount": 0,
            "eventsTail": "[]",
        }
        return {
            "id": "p",
            "name": "physscale",
            "entity": {"id": "e", "name": "somebody"},
            "bucket": bucket,
        }

    def stream(self, run: str, sent: dict[str, Any]) -> None:
        """The file stream of a run: lines at an offset."""
        for name, part in sent.get("files", {}).items():
            lines = (
                [json.loads(line) for line in part["content"]]
                if name.endswith((".jsonl", ".json"))
                else []
            )
            if name == "wandb-history.jsonl":
                known = self.history.setdefault(run, [])
                known[part["offset"] :] = lines
            if name == "wandb-summary.json" and lines:
                self.summary.setdefault(run, {}).update(lines[-1])


@contextmanager
def wandb_server(mood: Mood = "well") -> Iterator[Server]:
    """The server, answering until the end of `with`."""
    server = Server(mood)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def do_PUT(self) -> None:
            self._handle()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if server.mood == "silent":
                server.closing.wait(SILENCE_S)
                return
            if server.mood == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                self.close_connection = True
                self.connection.close()
                return
            if server.mood != "well":
                self._send(int(server.mood), b"{}")
                return
            if self.path.startswith("/graphql"):
                asked = json.loads(body)
                self._send(
                    200,
                    json.dumps(
                        {"data": server.answer(asked["query"], asked.get("variables") or {})}
                    ).encode(),
                )
                return
            if self.path.startswith("/upload/"):
                server.files[self.path.removeprefix("/upload/")] = body
            elif self.path.endswith("/file_stream"):
                server.stream(self.path.split("/")[-2], json.loads(body))
            self._send(200, b"{}")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(
        target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        listening.shutdown()
        listening.server_close()
        thread.join()
