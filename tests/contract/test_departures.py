"""Who was erased: what was signed before counts no more, here and elsewhere, and nothing of them stays."""

from datetime import timedelta

from sqlalchemy import select

from app.services import identity, sessions
from app.services.departures import KEPT_FOR, Departures
from app.store.tables import markers
from tests.fakes.identities import SECRET

ADA = "ada@home.example"


def departures(database, clock):
    return Departures(database, clock, secret_key=SECRET)


def leave(database, process, user=ADA):
    with database.write() as conn:
        process.note(conn, user)
    process.look_again()


def test_what_was_signed_before_is_told_from_what_came_after(database, clock):
    here, before = departures(database, clock), clock.now()
    assert not here.is_outdated(ADA, before)
    clock.advance(seconds=1)
    leave(database, here)
    assert here.is_outdated(ADA, before)
    assert not here.is_outdated("u-bob", before)
    assert not here.is_outdated(ADA, clock.now())


def test_who_leaves_again_has_left_again(database, clock):
    here = departures(database, clock)
    leave(database, here)
    clock.advance(minutes=1)
    between = clock.now()
    clock.advance(minutes=1)
    leave(database, here)
    assert here.is_outdated(ADA, between)


def test_other_processes_know_within_two_seconds(database, clock):
    here, elsewhere = departures(database, clock), departures(database, clock)
    before = clock.now()
    clock.advance(seconds=1)
    assert not elsewhere.is_outdated(ADA, before)
    leave(database, here)
    clock.advance(seconds=2)
    assert elsewhere.is_outdated(ADA, before)


def test_it_is_kept_longer_than_anything_signed_and_then_gone(database, clock):
    assert max(sessions.LIFETIME, identity.TOKEN_LIFETIME, identity.TICKET_LIFETIME) < KEPT_FOR - timedelta(minutes=30)
    here = departures(database, clock)
    leave(database, here)
    clock.advance(seconds=KEPT_FOR.total_seconds())
    here.forget_old()
    assert rows(database)
    clock.advance(seconds=3)
    here.forget_old()
    assert rows(database) == []


def test_it_says_nothing_of_whom(database, clock):
    leave(database, departures(database, clock))
    ((name, value),) = rows(database)
    assert "ada" not in name + value
    # Another key makes another mark, so that nobody finds it by guessing ids.
    with database.write() as conn:
        Departures(database, clock, secret_key="another secret key, long enough").note(conn, ADA)
    assert len(rows(database)) == 2


def rows(database):
    with database.read() as conn:
        found = conn.execute(select(markers.c.name, markers.c.value).where(markers.c.name.startswith("left ")))
        return [tuple(row) for row in found]
