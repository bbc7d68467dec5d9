from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from app.domain.ids import new_id
from app.services.intake import Invalid
from app.services.paging import make_cursor
from app.store.tables import inbox
from channels.base import Message
from tests.fakes.at_once import at_once
from tests.fakes.people_rig import Rig
from tests.fakes.plans import plans_of
from tests.fakes.rows import insert_notification
from tests.fakes.samples import message


def messages(rig: Rig, count: int, *, user: str = "u-1") -> list[Message]:
    """That many messages, each a little later than the one before."""
    made = []
    for _ in range(count):
        rig.clock.advance(milliseconds=1)
        made.append(message(notification_id=new_id("ntf", rig.clock.now()), user_id=user))
    return made


def rows(rig: Rig) -> int:
    with rig.database.read() as conn:
        return conn.execute(select(func.count()).select_from(inbox)).scalar_one()


def test_an_item_has_the_fields_of_the_contract(rig: Rig):
    (sent,) = messages(rig, 1)
    rig.inbox.put([sent])
    page, unread = rig.inbox.page("u-1")
    (item,) = page.items
    assert item.pop("id").startswith("itm_")
    assert item == {
        "notification_id": sent.notification_id,
        "event_id": "evt_0190",
        "type": "job.failed",
        "priority": "high",
        "subject_key": "j-9",
        "sequence": 4,
        "title": sent.title,
        "text": sent.text,
        "data": {"job_id": "j-9", "error": "disk full"},
        "duplicates": 0,
        "read": False,
        "archived": False,
        "created_at": rig.clock.now(),
        "updated_at": rig.clock.now(),
    }
    assert unread == 1


def test_what_came_together_has_ids_in_the_order_of_arrival(rig: Rig):
    sent = messages(rig, 20)
    # Every other one is of no course.
    rig.inbox.put([replace(one, type="quota.exceeded") if n % 2 else one for n, one in enumerate(sent)])
    items = rig.inbox.page("u-1")[0].items
    assert [item["notification_id"] for item in items] == [one.notification_id for one in reversed(sent)]
    assert [item["id"] for item in items] == sorted((item["id"] for item in items), reverse=True)


def test_duplicates_are_those_of_the_notification(rig: Rig):
    row = insert_notification(rig.database, rig.clock.now(), duplicates=2)
    rig.inbox.put([message(notification_id=row.id, user_id="u-1")])
    assert rig.inbox.page("u-1")[0].items[0]["duplicates"] == 2


def test_a_notification_is_in_the_inbox_once_however_often_it_is_put(rig: Rig):
    sent = messages(rig, 3)
    rig.inbox.put(sent[:2])
    first = rig.inbox.page("u-1")[0].items
    rig.inbox.put([*sent, sent[2]])
    items = rig.inbox.page("u-1")[0].items
    assert [item["notification_id"] for item in items] == [one.notification_id for one in reversed(sent)]
    assert items[1:] == first


def test_ten_threads_that_put_the_same_message_leave_one_item(rig: Rig):
    sent = messages(rig, 5)
    assert at_once(10, lambda n: rig.inbox.put(sent if n % 2 else sent[::-1])) == [None] * 10
    assert rows(rig) == 5


def test_a_list_goes_in_as_a_whole_or_not_at_all(rig: Rig):
    good, other = messages(rig, 2)
    broken = message(notification_id=other.notification_id, data={"when": object()})
    with pytest.raises(Exception, match="not JSON serializable"):
        rig.inbox.put([good, broken])
    assert rows(rig) == 0


def test_pages_hold_everything_once_newest_first(rig: Rig):
    sent = messages(rig, 7)
    rig.inbox.put(sent)
    rig.inbox.put(messages(rig, 2, user="u-2"))
    found, cursor = [], None
    while True:
        page, unread = rig.inbox.page("u-1", cursor=cursor, limit=3)
        assert unread == 7
        found += [item["notification_id"] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [one.notification_id for one in reversed(sent)]


def test_items_that_arrive_between_two_pages_disturb_nothing(rig: Rig):
    sent = messages(rig, 4)
    rig.inbox.put(sent)
    page, _ = rig.inbox.page("u-1", limit=2)
    rig.inbox.put(messages(rig, 3))
    following, _ = rig.inbox.page("u-1", cursor=page.next_cursor, limit=2)
    assert [item["notification_id"] for item in following.items] == [sent[1].notification_id, sent[0].notification_id]
    assert following.next_cursor is None


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", make_cursor("history", "1"), make_cursor("inbox", "-1"), make_cursor("inbox", str(2**63))]
)
def test_a_cursor_that_is_none_is_refused(rig: Rig, cursor: str):
    with pytest.raises(Invalid) as caught:
        rig.inbox.page("u-1", cursor=cursor)
    assert set(caught.value.errors["query"]) == {"cursor"}


def test_states_and_the_count_follow_what_the_reader_does(rig: Rig):
    rig.inbox.put(messages(rig, 4))
    ids = [item["id"] for item in rig.inbox.page("u-1")[0].items]

    def state(name: str) -> list[str]:
        return [item["id"] for item in rig.inbox.page("u-1", name)[0].items]

    later = rig.clock.advance(minutes=1)
    changed = rig.inbox.mark("u-1", ids[0], read=True)
    assert changed is not None
    assert (changed.item["read"], changed.item["archived"], changed.unread_count) == (True, False, 3)
    assert changed.item["updated_at"] == later
    archived = rig.inbox.mark("u-1", ids[1], archived=True)
    assert archived is not None
    assert (archived.item["read"], archived.item["archived"], archived.unread_count) == (False, True, 2)
    assert (state("unread"), state("read"), state("archived"), state("all")) == (ids[2:], ids[:1], ids[1:2], ids)
    both = rig.inbox.mark("u-1", ids[0], read=False, archived=True)
    assert both is not None
    assert both.unread_count == 2
    back = rig.inbox.mark("u-1", ids[0], archived=False)
    assert back is not None
    assert back.unread_count == 3


def test_what_is_read_already_keeps_its_time(rig: Rig):
    rig.inbox.put(messages(rig, 1))
    item = rig.inbox.page("u-1")[0].items[0]
    first = rig.clock.advance(minutes=1)
    rig.inbox.mark("u-1", item["id"], read=True)
    rig.clock.advance(minutes=1)
    rig.inbox.mark("u-1", item["id"], read=True)
    with rig.database.read() as conn:
        assert conn.execute(select(inbox.c.read_at)).scalar_one() == first


def test_another_users_item_cannot_be_touched(rig: Rig):
    rig.inbox.put(messages(rig, 1))
    item = rig.inbox.page("u-1")[0].items[0]
    assert rig.inbox.mark("u-2", item["id"], read=True) is None
    assert rig.inbox.mark("u-1", new_id("itm", rig.clock.now()), read=True) is None
    assert rig.inbox.page("u-1")[1] == 1


def test_read_all_leaves_nothing_unread_and_other_inboxes_alone(rig: Rig):
    rig.inbox.put(messages(rig, 3))
    rig.inbox.put(messages(rig, 2, user="u-2"))
    assert rig.inbox.read_all("u-1") == 0
    assert rig.inbox.page("u-1", "unread")[0].items == []
    assert rig.inbox.page("u-2")[1] == 2


def test_the_bell_is_rung_for_those_whose_inbox_has_changed_and_for_nobody_else(rig: Rig):
    rig.inbox.put([*messages(rig, 2), *messages(rig, 1, user="u-2")])
    own = rig.inbox.page("u-1")[0].items[0]["id"]
    assert rig.inbox.mark("u-2", own, read=True) is None
    rig.inbox.mark("u-1", own, read=True)
    rig.inbox.read_all("u-1")
    rig.inbox.read_all("u-1")
    assert [set(users) for users in rig.rung] == [{"u-1", "u-2"}, {"u-1"}, {"u-1"}]


def test_what_is_not_committed_rings_no_bell(rig: Rig):
    broken = message(notification_id=new_id("ntf", rig.clock.now()), data={"when": object()})
    with pytest.raises(Exception, match="not JSON serializable"):
        rig.inbox.put([broken])
    assert rig.rung == []


def test_lists_and_counts_use_indexes(rig: Rig):
    for number in range(1, 31):
        rig.inbox.put(messages(rig, 20, user=f"u-{number}"))
    rig.inbox.read_all("u-1")
    rig.inbox.put(messages(rig, 5))
    if not rig.database.is_sqlite:
        # Of two indexes that could serve it takes the better one when it knows what is there.
        with rig.database.write() as conn:
            conn.execute(text("ANALYZE inbox"))
    everything, count = plans_of(rig.database, lambda: rig.inbox.page("u-1", limit=2))
    assert "inbox_by_user" in everything
    assert "inbox_unread" in count
    unread, _ = plans_of(rig.database, lambda: rig.inbox.page("u-1", "unread", limit=2))
    assert "inbox_unread" in unread or "inbox_by_user" in unread
    for plan in (everything, unread):
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan
        assert "SCAN" not in plan.replace("Index Scan", "")
