"""`python main.py flower`: Flower, with the settings of flowerconfig.py."""

from pathlib import Path

from celery.bin.base import CLIContext
from flower.command import flower

from app.config import Settings
from app.observability.logging import announce_ready, configure_logging
from app.runtime.product import FLOWER_HOST
from tasks.app import app

_CONFIGURATION = Path(__file__).resolve().parent.parent / "flowerconfig.py"


def run(settings: Settings) -> None:
    """Serve Flower until told to stop."""
    configure_logging(settings, "flower")
    announce_ready(f"http://{FLOWER_HOST}:{settings.flower_port}")
    # It shows what workers tell; the tasks themselves, and all that they work with, are no use to it.
    app.conf.imports = ()
    # Past Celery's command line, which would load those of all other commands too.
    celery = flower.make_context("celery", [], obj=CLIContext(app=app, no_color=True, workdir=None))
    flower.main([f"--conf={_CONFIGURATION}"], prog_name="flower", parent=celery, standalone_mode=False)
