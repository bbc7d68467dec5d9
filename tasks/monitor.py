"""`python main.py flower`: Flower, with the settings of flowerconfig.py."""

from pathlib import Path

from app.config import Settings
from app.observability.logging import announce_ready, configure_logging
from app.runtime.product import FLOWER_HOST
from tasks.app import app

_CONFIGURATION = Path(__file__).resolve().parent.parent / "flowerconfig.py"


def run(settings: Settings) -> None:
    """Serve Flower until told to stop."""
    configure_logging(settings, "flower")
    announce_ready(f"http://{FLOWER_HOST}:{settings.flower_port}")
    app.start(["flower", f"--conf={_CONFIGURATION}"])
