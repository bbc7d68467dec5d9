"""Pictures of pages, taken by a Chromium that is on the PATH; it is given nothing of the network."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

NAMES: Sequence[str] = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60.0
_DARK, _LIGHT = 0, 1


class PictureError(Exception):
    """The browser gave no picture."""


def find() -> str | None:
    """The path of a browser; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def take(browser: str, page: Path, picture: Path, *, width: int, height: int, dark: bool) -> None:
    """Write a picture of a page, in a window of that size. Raises PictureError."""
    picture.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        words = [
            browser,
            "--headless",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--disable-gpu",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            f"--blink-settings=preferredColorScheme={_DARK if dark else _LIGHT}",
            f"--window-size={width},{height}",
            f"--screenshot={picture.resolve()}",
            page.resolve().as_uri(),
        ]
        try:
            subprocess.run(words, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603  # found on the PATH
        except (OSError, subprocess.SubprocessError) as fault:
            raise PictureError(f"{browser} took no picture of {page}: {fault}") from None
    if not picture.is_file():
        raise PictureError(f"{browser} took no picture of {page}")
