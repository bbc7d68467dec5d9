"""What Celery runs. Importing it connects the worker's signals, however the worker is started."""

from tasks import lifecycle
from tasks.app import app

__all__ = ["app", "lifecycle"]
