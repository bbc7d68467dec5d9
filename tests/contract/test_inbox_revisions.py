"""Changes of an inbox are numbered in the order of their commits, so whoever has seen one has seen all below."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from app.domain.ids import new_id
from app.store import inbox
from app.store.engine import Database
from app.store.migrate import downgrade, upgrade
from app.store.tables import inbox as table
from app.store.tables import inbox_heads
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.people_rig import Rig
from tests.fakes.plans import plans_of
from tests.fakes.samples import message

USERS = ("u-1", "u-2", "u-3")
WRITERS, CHANGES = 8, 12


def fill(rig: Rig, user: str, count: int) -> list[str]:
    """The ids of that many new items, oldest first."""
    now = rig.clock.now()
    rig.inbox.put([message(notification_id=new_id("ntf", now), user_id=user) for _ in range(count)])
    return [item["id"] for item in reversed(rig.inbox.page(user, limit=count)[0].items)]


def since(database: Database, user: str, after: int = 0) -> list[tuple[int, str]]:
    """What has changed after a revision, as (revision, item id)."""
    with database.read() as conn:
        return [(item.revision, item.id) for item in inbox.changed(conn, user, after=after, limit=1000)]


def head(database: Database, user: str) -> int:
    with database.read() as conn:
        return inbox.head(conn, user)


def test_every_item_and_every_change_has_a_number_of_its_own(rig: Rig):
    first, second, third = fill(rig, "u-1", 3)
    fill(rig, "u-2", 1)
    assert since(rig.database, "u-1") == [(1, first), (2, second), (3, third)]
    rig.inbox.mark("u-1", second, read=True)
    assert since(rig.database, "u-1", 3) == [(4, second)]
    rig.inbox.read_all("u-1")
    assert since(rig.database, "u-1", 4) == [(5, first), (6, third)]
    assert (head(rig.database, "u-1"), head(rig.database, "u-2"), head(rig.database, "u-3")) == (6, 1, 0)


def test_what_changes_nothing_takes_no_number(rig: Rig):
    (own,) = fill(rig, "u-1", 1)
    assert rig.inbox.mark("u-2", own, read=True) is None
    assert rig.inbox.mark("u-1", new_id("itm", rig.clock.now()), read=True) is None
    rig.inbox.read_all("u-1")
    rig.inbox.read_all("u-1")
    rig.inbox.read_all("u-2")
    assert (head(rig.database, "u-1"), head(rig.database, "u-2")) == (2, 0)


def test_items_whose_notification_was_repeated_count_as_changed(rig: Rig):
    ids = fill(rig, "u-1", 2) + fill(rig, "u-2", 1)
    with rig.database.read() as conn:
        sent = dict(conn.execute(select(table.c.id, table.c.notification_id)).all())
    later = rig.clock.advance(seconds=1)
    with rig.database.write() as conn:
        readers = inbox.renew(conn, [sent[ids[0]], sent[ids[2]], new_id("ntf", later)], later)
        assert inbox.renew(conn, [], later) == set()
    assert readers == {"u-1", "u-2"}
    assert since(rig.database, "u-1", 2) == [(3, ids[0])]
    assert rig.inbox.page("u-2")[0].items[0]["updated_at"] == later


def test_a_reader_who_goes_on_from_what_it_saw_misses_nothing_that_many_writers_do(rig: Rig):
    """Every writer changes every inbox, in an order of its own, while readers follow along."""
    ids = {user: fill(rig, user, 4) for user in USERS}
    ended: list[int] = []

    def write(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - only variety is wanted
        for _ in range(CHANGES):
            users = dice.sample(USERS, len(USERS))
            fresh = [message(notification_id=new_id("ntf", rig.clock.now()), user_id=user) for user in users]
            rig.inbox.put(fresh)
            rig.inbox.mark(users[0], dice.choice(ids[users[0]]), read=dice.random() < 0.5)
            if dice.random() < 0.3:
                rig.inbox.read_all(users[1])

    def follow(user: str) -> list[tuple[int, str]]:
        """What a stream sees: slices of at most three, each from where the one before ended."""
        seen: list[tuple[int, str]] = []
        while True:
            last_look = len(ended) == WRITERS
            with rig.database.read() as conn:
                top = inbox.head(conn, user)
                new = inbox.changed(conn, user, after=seen[-1][0] if seen else 0, limit=3)
            assert all(item.revision <= top for item in new)
            seen += [(item.revision, item.id) for item in new]
            if last_look and not new:
                return seen

    def act(number: int) -> object:
        if number >= WRITERS:
            return follow(USERS[number - WRITERS])
        try:
            return write(number)
        finally:
            ended.append(number)

    outcomes = at_once(WRITERS + len(USERS), act)
    assert outcomes[:WRITERS] == [None] * WRITERS
    for user, steps in zip(USERS, outcomes[WRITERS:], strict=True):
        assert isinstance(steps, list), steps
        revisions = [revision for revision, _ in steps]
        assert revisions == sorted(set(revisions)), "in order, and none twice"
        stands = since(rig.database, user)
        assert len(stands) == 4 + WRITERS * CHANGES
        # The last that a reader saw of each item is how the item stands in the end.
        assert {item: revision for revision, item in steps} == {item: revision for revision, item in stands}


def test_a_change_that_is_rolled_back_leaves_no_trace(rig: Rig):
    fill(rig, "u-1", 1)
    broken = message(notification_id=new_id("ntf", rig.clock.now()), user_id="u-1", data={"when": object()})
    with pytest.raises(Exception, match="not JSON serializable"):
        rig.inbox.put([broken])
    assert head(rig.database, "u-1") == 1


def test_looking_for_changes_uses_indexes(rig: Rig):
    fill(rig, "u-1", 5)
    plans = plans_of(rig.database, lambda: (head(rig.database, "u-1"), since(rig.database, "u-1", 3)))
    assert "inbox_by_revision" in plans[1]
    for plan in plans:
        assert "SCAN" not in plan.replace("Index Scan", "").replace("Index Only Scan", "")
        assert "TEMP B-TREE" not in plan


def test_the_migration_numbers_what_is_there(database: Database, clock: FakeClock):
    columns = {"type": "job.failed", "priority": "high", "title": "t", "text": "x", "data": {}}
    now = clock.now()
    rows = [
        {"id": f"itm_{n}", "notification_id": f"ntf_{n}", "user_id": user, "created_at": now, "updated_at": now}
        for n, user in enumerate(("u-1", "u-2", "u-1"))
    ]
    downgrade(database, "0002")
    with database.write() as conn:
        old = [column for column in table.c if column.name not in {"revision", "seq", "occurred_at"}]
        for row in rows:
            values = {**columns, **row}
            conn.execute(insert(table).values({column: values.get(column.name) for column in old}))
    upgrade(database)
    assert [item for _, item in since(database, "u-1")] == ["itm_0", "itm_2"]
    with database.read() as conn:
        heads = dict(conn.execute(select(inbox_heads.c.user_id, inbox_heads.c.revision)).all())
        assert heads == dict(conn.execute(text("SELECT user_id, max(revision) FROM inbox GROUP BY user_id")).all())
    assert since(database, "u-1", heads["u-1"] - 1) == [(heads["u-1"], "itm_2")]
    with database.write() as conn:
        assert inbox.mark(conn, "u-1", "itm_0", read=True, archived=None, now=now + timedelta(seconds=1))
    assert since(database, "u-1", heads["u-1"]) == [(heads["u-1"] + 1, "itm_0")]
