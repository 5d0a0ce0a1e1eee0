"""A page as PDF, printed by headless Chromium. The page loads nothing, so the browser needs no
network."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from physscale.records.errors import UserError
from physscale.records.store import write_atomic

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
BROWSER_VARIABLE = "PHYSSCALE_BROWSER"
_SECONDS = 180


def browser() -> str:
    """The browser to print with.

    Raises:
        UserError: if none is found.
    """
    named = os.environ.get(BROWSER_VARIABLE)
    found = [path for name in ([named] if named else BROWSERS) if (path := shutil.which(name))]
    if not found:
        asked = f"{BROWSER_VARIABLE}={named} is no program; " if named else ""
        raise UserError(
            f"--pdf: {asked}printing needs Chromium or Chrome (Debian: apt install chromium; "
            "others: google.com/chrome), "
            f"or name one with {BROWSER_VARIABLE}; the HTML file prints from any browser as well"
        )
    return found[0]


def print_page(page: Path, *, out: Path) -> None:
    """Prints an HTML file to `out`.

    Raises:
        UserError: if there is no browser, or it does not finish or prints nothing.
    """
    program = browser()
    with tempfile.TemporaryDirectory(prefix="physscale-print-") as folder:
        made = Path(folder) / "page.pdf"
        command = [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            f"--user-data-dir={folder}/profile",
        ]
        command += ["--no-pdf-header-footer", f"--print-to-pdf={made}", page.resolve().as_uri()]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"--pdf: {program} did not finish within {_SECONDS} s; print {page} from a "
                "browser instead"
            ) from error
        if not made.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UserError(
                f"--pdf: {program} printed nothing ({last}); print {page} from a browser instead"
            )
        write_atomic(out, made.read_bytes())
