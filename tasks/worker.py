"""`python main.py worker`: one worker process with threads."""

from celery.utils.nodenames import host_format

from app.config import Settings
from app.observability.logging import configure_logging
from tasks.app import app
from tasks.lanes import groups, lanes

# Threads, since deliveries wait for receivers. More of them where the waits are longest.
_THREADS = {"urgent": 4, "local": 4, "outbound": 64}
_THREADS_FOR_ALL = 64


def run(settings: Settings, group: str | None) -> None:
    """Serve the lanes of a group, or all of them, until told to stop. Leaves by SystemExit."""
    component = f"worker-{group}" if group else "worker"
    configure_logging(settings, component)
    served = groups()[group] if group else lanes()
    threads = settings.worker_concurrency or (_THREADS[group] if group else _THREADS_FOR_ALL)
    app.component = component
    app.threads = threads
    # Past Celery's command line, which would load those of all other commands too, Flower and a shell among them.
    worker = app.Worker(
        hostname=host_format(f"{group or 'all'}@%h"),
        queues=served,
        concurrency=threads,
        pool_cls="threads",
        quiet=True,
        # Workers need not know of each other.
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()
    # Celery keeps it to itself, and who runs workers by their exit codes would take a crash for a wish.
    raise SystemExit(worker.exitcode or 0)
