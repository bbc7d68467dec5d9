"""Flower's settings, which it reads however it is started: credentials always, and the loopback interface only."""

from app import secret_files
from app.config import Settings
from app.runtime.product import FLOWER_HOST

_settings = Settings.load()
address = FLOWER_HOST
port = _settings.flower_port or 5555
basic_auth = [secret_files.flower_credentials(_settings)]
