"""The settings: read once from the environment, checked once, and then frozen."""

from app.config.reader import SettingsError
from app.config.settings import Settings

__all__ = ["Settings", "SettingsError"]
