"""Keys, signs of life and metrics say the same on every database."""

import threading

from app.domain.events import EVENT_TYPES
from app.observability.metrics import Metrics
from app.store import api_keys, audit, counters
from app.store.api_keys import StoredKey
from tests.fakes.identities import identity_of


def test_keys_are_kept_with_their_scopes_and_dates(database, clock):
    scopes = ("events:write", "users:read")
    key = StoredKey("key_01a20320-a200-7000-9590-97e0d49e7844", "encoder", scopes, "d" * 64, clock.now())
    with database.write() as conn:
        assert not api_keys.any_exists(conn)
        api_keys.add(conn, key)
    with database.read() as conn:
        assert api_keys.any_exists(conn)
        assert api_keys.find(conn, key.id) == key
        assert api_keys.find(conn, "key_unknown") is None
        assert api_keys.everything(conn) == [key]


def test_a_key_is_revoked_once(database, clock):
    identity = identity_of(database, clock)
    made = identity.create_key("encoder", ["events:write"], actor="key:admin")
    assert identity.authenticate(made.key).scopes == {"events:write"}
    assert identity.revoke_key(made.id, actor="key:admin")
    assert not identity.revoke_key(made.id, actor="key:admin")
    assert identity.authenticate(made.key) is None
    with database.read() as conn:
        assert [entry.action for entry in audit.about(conn, made.id)] == ["key.created", "key.revoked"]


def test_many_first_starts_at_once_make_one_key(database, clock, tmp_path):
    found: list[str | None] = []
    starts = [
        threading.Thread(
            target=lambda: found.append(identity_of(database, clock).ensure_admin_key(tmp_path / "admin.key"))
        )
        for _ in range(4)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    identity = identity_of(database, clock)
    assert len(found) == len(starts), "no start failed"
    assert len(identity.keys()) == 1
    assert identity.authenticate((tmp_path / "admin.key").read_text().strip()).may("admin")


def test_metrics_add_up_over_processes(database, clock):
    tally = counters.Tally()
    tally.add(counters.ACCEPTED, {"type": "job.failed"})
    tally.ended("job.failed", "email", "failed", "rejected")
    with database.write() as conn:
        tally.save(conn, "worker-1")
        tally.save(conn, "worker-2")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in Metrics(database, clock, ["email"]).snapshot().collect()
        for sample in metric.samples
    }
    assert samples["notifications_accepted_total", (("type", "job.failed"),)] == 2
    ended = {"type": "job.failed", "channel": "email", "status": "failed", "reason": "rejected"}
    assert samples["notifications_total", tuple(sorted(ended.items()))] == 2
    assert samples["notifications_unaccounted", ()] == 0
    assert sum(name == "notifications_accepted_total" for name, _ in samples) == len(EVENT_TYPES)
