"""A page in a real browser without a window, which finds no machine but this one."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(_BROWSER is None, reason="no Chromium in PATH")


def browse(
    url: str, profile: Path, *, width: int = 1000, budget_ms: int = 5000
) -> subprocess.CompletedProcess[str]:
    """The page as it stands after `budget_ms` of virtual time, and what the console said."""
    command = [
        str(_BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
        f"--window-size={width},900",
        "--enable-logging=stderr",
        "--v=0",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        f"--virtual-time-budget={budget_ms}",
        "--dump-dom",
        url,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def seen(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the script of a test left in the page's `data-seen`."""
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    values: dict[str, Any] = json.loads(html.unescape(found.group(1)))
    return values
