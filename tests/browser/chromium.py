"""What it takes to look at pages as people do: Playwright, and the Chromium of the system."""

import importlib.util
import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = (
    # Its sandbox needs rights that a container seldom has; nothing but our own pages is opened.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # It asks nobody anything by itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def executable() -> str | None:
    """Where a Chromium is, if there is one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def what_is_missing() -> str | None:
    """Why no page can be looked at here, in words; None when it can."""
    if importlib.util.find_spec("playwright") is None:
        return "no playwright (pip install -r requirements-dev.txt), so no page was looked at"
    if executable() is None:
        return "no Chromium (apt-get install chromium), so no page was looked at"
    return None
