"""Things that happened to people, so that every page has something to show: one of each kind of end, and of wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.ports import free_port
from tests.integration.product import Product, eventually

READER = "u-17"
SETTINGS = {"MAX_RETRIES": "1", "RETRY_DELAY_SECONDS": "1"}
"""With these, what fails has failed within seconds."""
HOSTILE = "<img src=x onerror=alert(1)>\u202e'\""
_ENOUGH = timedelta(seconds=3)


def fill(product: Product, reader: str = READER, **wishes: Any) -> dict[str, str]:
    """Let all of it happen to a reader with these preferences; the ids of events, by what became of them."""
    nobody = f"http://127.0.0.1:{free_port()}/hook"
    document = {
        "timezone": "Europe/Berlin",
        **wishes,
        "contacts": {"email": address_of(reader), "webhook": {"url": nobody}},
        "events": {"job.completed": {"email": "off"}},
        "muted_subjects": ["j-muted"],
        "quiet_hours": None,
    }
    product.set_user(reader, **document, muted_until=(datetime.now(UTC) + _ENOUGH).isoformat())
    collected = [_job(product, reader, "failed", f"j-{number}", error="disk full on node-7") for number in (11, 12)]
    for event in collected:
        eventually(lambda event=event: set(product.event(event)["counts"]), lambda found: found == {"digested"})
    product.set_user(reader, **document)
    made = {"digest": collected[-1]}
    made["opted_out"] = _job(product, reader, "completed", "j-2041", name="nightly encode", duration_seconds=1834)
    made["muted"] = _job(product, reader, "failed", "j-muted", error="no worker answers")
    made["first"] = _job(product, reader, "failed", "j-7", error="out of memory")
    product.ended(made["first"])
    made["duplicate"] = _job(product, reader, "failed", "j-7", error="out of memory")
    made["hostile"] = _job(product, reader, "failed", HOSTILE, error=HOSTILE)
    quota = {"resource": "storage", "used": 1_073_741_824, "limit": 1_000_000_000, "unit": "bytes"}
    made["failed"] = product.submit("quota.exceeded", quota, reader)
    for event in made.values():
        product.ended(event, seconds=60)
    later = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    made["held"] = _job(product, reader, "completed", "j-3", deliver_at=later)
    return made


def address_of(reader: str) -> str:
    """Where mails to a reader go."""
    return f"{reader}@example.com"


def _job(product: Product, reader: str, how: str, job: str, *, deliver_at: str | None = None, **data: Any) -> str:
    fields = {} if deliver_at is None else {"deliver_at": deliver_at}
    return product.submit(f"job.{how}", {"job_id": job, **data}, reader, channels=["inapp", "email"], **fields)
