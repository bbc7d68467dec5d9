"""Several relays, and relays beside workers, at the same time."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from app.store import audit, audit_seal
from app.store.engine import Database, DatabaseUnavailable
from app.store.tables import audit_chain
from tests.contract.test_relay import put, rung
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.sealing import seal
from tests.fakes.spine import LEASE, Spine


def relays(database: Database, clock: FakeClock, gate_server: GateServer, count: int) -> list[Spine]:
    return [Spine(database, clock, gate_server.url) for _ in range(count)]


def rung_by_all(spines: Sequence[Spine]) -> Counter[str]:
    return Counter(id_ for spine in spines for id_ in rung(spine))


def test_each_row_is_announced_once(database: Database, clock: FakeClock, gate_server: GateServer):
    spines = relays(database, clock, gate_server, 6)
    ids = [id_ for source in "abc" for id_ in put(spines[0], 100, source=source)]
    outcomes = at_once(6, lambda n: [spines[n].relay.feed() for _ in range(3)])
    assert [one for one in outcomes if isinstance(one, type)] == []
    assert rung_by_all(spines) == dict.fromkeys(ids, 1)


def test_due_retries_and_lapsed_leases_too(database: Database, clock: FakeClock, gate_server: GateServer):
    spines = relays(database, clock, gate_server, 4)
    now = clock.now()
    retries = put(spines[0], 40, status="retrying", attempts=1)
    lapsed = put(spines[0], 40, status="sending", fence=1, lease_until=now + LEASE)
    lost = put(spines[0], 40, announced_at=now)
    clock.advance(seconds=LEASE.total_seconds() + 1)

    def work(number: int) -> None:
        spines[number].relay.feed()
        spines[number].relay.sweep()

    assert at_once(4, work) == [None] * 4
    assert rung_by_all(spines) == dict.fromkeys([*retries, *lapsed, *lost], 1)


def test_what_ends_is_counted_once(database: Database, clock: FakeClock, gate_server: GateServer):
    spines = relays(database, clock, gate_server, 4)
    put(spines[0], 60, expires_at=clock.now() + timedelta(seconds=1))
    put(spines[0], 60, status="sending", fence=3, attempts=3, lease_until=clock.now())
    clock.advance(seconds=2)
    assert at_once(4, lambda n: spines[n].relay.sweep()) == [None] * 4
    assert spines[0].count("notifications_total", status="expired") == 60
    assert spines[0].count("notifications_total", status="failed", reason="attempts_exhausted") == 60
    assert spines[0].unaccounted() == 0


def test_sealing_by_several_does_not_fork(database: Database, clock: FakeClock):
    def write_and_seal(number: int) -> None:
        for turn in range(20):
            with database.write() as conn:
                audit.record(conn, [audit.Entry(clock.now(), "system:test", "try", f"o-{number}-{turn}")] * 3)
            with database.read() as conn:
                links = audit_seal.next_links(conn, 50)
            with database.write() as conn:
                # Somebody else may have been faster; what is left is sealed below.
                if links:
                    audit_seal.add(conn, links)

    assert at_once(4, write_and_seal) == [None] * 4
    with database.write() as conn:
        seal(conn)
    with database.read() as conn:
        verdict = audit.verify(conn)
        links = conn.execute(select(audit_chain.c.seq, audit_chain.c.prev).order_by(audit_chain.c.seq)).all()
    assert verdict == audit.Verdict(240, 0, None)
    assert [link.seq for link in links] == list(range(1, 241))
    assert len({link.prev for link in links}) == 240


def test_a_sweep_seals_what_was_recorded(database: Database, clock: FakeClock, gate_server: GateServer):
    (spine,) = relays(database, clock, gate_server, 1)
    spine.meet("u-1")
    spine.submit("u-1")
    spine.relay.sweep()
    with database.read() as conn:
        assert audit.verify(conn) == audit.Verdict(2, 0, None)
    spine.close()


def test_workers_and_relays_together_send_each_once(database: Database, clock: FakeClock, gate_server: GateServer):
    spines = relays(database, clock, gate_server, 4)
    users = [f"u-{number}" for number in range(40)]
    spines[0].meet(*users)
    ids = spines[0].submit(*users)
    sent: list[list[str]] = [spine.letters.sent for spine in spines]

    def work(number: int) -> None:
        spine = spines[number]
        for start in range(0, 40, 10):
            spine.delivery.deliver("letters", ids[start : start + 10])
            try:
                spine.relay.feed()
                spine.relay.sweep()
            except DatabaseUnavailable:  # allowed: the next turn comes
                continue

    assert at_once(4, work) == [None] * 4
    assert Counter(id_ for one in sent for id_ in one) == dict.fromkeys(ids, 1)
    assert {status for status, _ in spines[0].states(ids)} == {"delivered"}
    assert spines[0].unaccounted() == 0
    for spine in spines:
        spine.close()
