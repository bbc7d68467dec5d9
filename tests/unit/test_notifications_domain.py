"""The table of allowed transitions, and the statements that move rows, which must agree with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from app.domain.notifications import OPEN, REASONS, STATUSES, TERMINAL, TRANSITIONS, Status, sources_of
from app.store import delivery, erasure, held, notifications, relay, repeats
from app.store.delivery import Claim, Outcome
from app.store.engine import Database
from app.store.erasure import Erasure
from app.store.repeats import Repeated
from tests.fakes.clock import FakeClock
from tests.fakes.rows import insert_notification

HOUR = timedelta(hours=1)


def test_every_status_is_open_or_terminal_and_in_the_table():
    assert set(OPEN).isdisjoint(TERMINAL)
    assert set(TRANSITIONS) == set(STATUSES) == set(OPEN) | set(TERMINAL)
    assert all(after in STATUSES for afters in TRANSITIONS.values() for after in afters)
    assert set(REASONS) <= set(STATUSES)


@pytest.mark.parametrize("status", TERMINAL)
def test_what_has_ended_never_moves(status: Status):
    assert TRANSITIONS[status] == frozenset()


@pytest.mark.parametrize("status", OPEN)
def test_what_is_open_can_be_delivered_given_up_and_cancelled(status: Status):
    reached: set[Status] = {status}
    while more := {after for before in reached for after in TRANSITIONS[before]} - reached:
        reached |= more
    assert {"delivered", "failed", "suppressed"} <= reached
    assert {"expired", "cancelled"} <= TRANSITIONS[status]


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_but_the_first_is_reached_from_somewhere(status: Status):
    assert sources_of(status) == tuple(before for before in STATUSES if status in TRANSITIONS[before])
    assert sources_of(status)
    assert set(sources_of(status)) <= set(OPEN)


def test_only_what_is_being_sent_is_delivered_or_retried():
    assert sources_of("delivered") == sources_of("retrying") == ("sending",)


Act = Callable[[Connection, str, FakeClock], object]


def _claim(conn: Connection, id_: str, clock: FakeClock) -> object:
    return delivery.claim(conn, [id_], now=clock.now(), lease_until=clock.now() + HOUR, most_attempts=9)


def _settle_as(status: Status) -> Act:
    def settle(conn: Connection, id_: str, clock: FakeClock) -> object:
        claimed = Claim(id_, fence=0, attempts=1, content=None, announced_at=None)
        return delivery.settle(conn, [Outcome(claimed, status)], clock.now())

    return settle


def _move_to(status: Status) -> Act:
    return lambda conn, id_, clock: notifications.move(conn, [id_], status, None, clock.now())


STATEMENTS: dict[str, Act] = {
    "claim": _claim,
    "cancel": lambda conn, id_, clock: notifications.cancel(
        conn, notifications.of_an_event(f"evt_{id_}"), "requested", clock.now()
    ),
    "cancel_read": lambda conn, id_, clock: notifications.cancel(
        conn, notifications.of_these([id_]), "read", clock.now()
    ),
    "end_cancelled": lambda conn, _id, clock: relay.end_cancelled(conn, "requested", clock.now() + HOUR, 9),
    "erase": lambda conn, _id, clock: erasure.take(conn, Erasure("u-1", "_", clock.now()), 9, clock.now()),
    "end_pause": lambda conn, _id, clock: relay.end_pause(conn, ["email"], clock.now() + HOUR, 9),
    "release": lambda conn, _id, clock: relay.release(conn, clock.now(), 9),
    "wait_on": lambda conn, id_, clock: held.wait_on(conn, [id_], "digest", clock.now() + HOUR, clock.now()),
    "let_go": lambda conn, id_, clock: held.let_go(conn, [id_], clock.now()),
    "tell_repeats": lambda conn, id_, clock: repeats.tell(conn, {"ntf_2": Repeated(id_, 2, clock.now())}),
    "put_into": lambda conn, id_, clock: held.put_into(conn, [id_], "ntf_2", clock.now()),
    "look_again": lambda conn, _id, clock: held.look_again(conn, "u-1", clock.now()),
    "look_again_at_all": lambda conn, _id, clock: held.look_again(conn, None, clock.now()),
    "expire": lambda conn, _id, clock: relay.expire(conn, clock.now() + 999 * HOUR, 9),
    "fail_exhausted": lambda conn, id_, clock: relay.fail_exhausted(conn, [id_], clock.now() + HOUR),
    "postpone": lambda conn, id_, clock: notifications.postpone(conn, {id_: clock.now() + HOUR}, clock.now()),
    "hold": lambda conn, id_, clock: notifications.hold(conn, [id_], "paused", clock.now() + HOUR, clock.now()),
    "reset_held": lambda conn, _id, clock: notifications.reset_held(conn, "email", "smtp", clock.now(), clock.now()),
    "unannounce": lambda conn, id_, _clock: notifications.unannounce(conn, [id_]),
    "take_backlog": lambda conn, _id, clock: relay.take_backlog(conn, "email", "encoder", "u-1", 9, clock.now()),
    "take_lost": lambda conn, _id, clock: relay.take_lost(conn, "email", clock.now() + HOUR, 9, clock.now()),
    "take_retries": lambda conn, _id, clock: relay.take_retries(conn, clock.now() + HOUR, 9, clock.now()),
    "take_lapsed": lambda conn, _id, clock: relay.take_lapsed(conn, clock.now() + HOUR, 9, clock.now() + HOUR),
    "store_content": lambda conn, id_, clock: notifications.store_content(conn, {id_: {"title": "t"}}, clock.now()),
    "count_repeats": lambda conn, id_, clock: repeats.count(conn, {id_: 1}, clock.now()),
    **{f"settle as {status}": _settle_as(status) for status in sorted(TRANSITIONS["sending"] - {"sending"})},
    **{f"move to {status}": _move_to(status) for status in STATUSES},
}
MOVES: dict[str, set[Status]] = {
    "claim": {"pending", "retrying", "sending"},
    "cancel": {"pending", "held", "retrying"},
    "cancel_read": {"pending", "held", "retrying"},
    "erase": {"pending", "held", "retrying"},
    "hold": {"pending", "retrying"},
    "release": {"held"},
    "let_go": {"held"},
    "put_into": {"held"},
    "expire": set(OPEN),
    "fail_exhausted": {"sending", "retrying"},
    **{f"settle as {status}": {"sending"} for status in sorted(TRANSITIONS["sending"] - {"sending"})},
    **{f"move to {status}": set(sources_of(status)) for status in STATUSES},
}


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("before", STATUSES)
def test_no_statement_moves_a_row_where_it_may_not_go(database: Database, clock: FakeClock, name: str, before: Status):
    row = insert_notification(
        database,
        clock.now(),
        id="ntf_1",
        event_id="evt_ntf_1",
        status=before,
        delivered_at=None,
        attempts=1,
        reason="breaker_open" if before == "held" else None,
        lease_until=clock.now() - HOUR if before == "sending" else None,
        updated_at=clock.now() - HOUR,
    )
    with database.write() as conn:
        STATEMENTS[name](conn, row.id, clock)
    with database.read() as conn:
        found = notifications.load(conn, row.id)
    assert found is not None
    assert found.status == before or found.status in TRANSITIONS[before]
    if name not in MOVES:
        assert found.status == before
        return
    has_moved = (found.status, found.fence, found.updated_at) != (before, row.fence, row.updated_at)
    assert has_moved is (before in MOVES[name])
