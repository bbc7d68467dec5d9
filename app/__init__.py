"""The service, without the queue: what `tasks` and the command line put together and run."""

__version__ = "0.1.0"
