"""Escalation: what stays unread in the inbox goes on to another channel, and what was read goes nowhere else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.services.inbox import Inbox
from app.store import inbox
from app.store.engine import Database
from app.store.history import Filters
from channels.base import Transient
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.scripted import Pages
from tests.fakes.spine import Spine

USER = "u-1"
SCHEDULED, READ = ("held", "scheduled"), ("cancelled", "read")
TO_LETTERS = {"job.failed": {"after_minutes": 15, "to": ["letters"]}}


class Home:
    """A spine whose shelf is a real inbox."""

    def __init__(self, spine: Spine) -> None:
        self.spine = spine
        self.box = Inbox(spine.database, spine.clock, spine.rung.append, spine.fallbacks)
        spine.shelf.during = lambda message: self.box.put([message])

    def wants(self, **wishes: Any) -> None:
        contacts = {"letters": {"target": "place-1"}, "hooks": {"target": "place-2"}}
        self.spine.preferences.merge(USER, {"contacts": contacts, **wishes}, actor="key:key_1")

    def happens(self, type_: str = "job.failed", *, shown: bool = True, **fields: Any) -> dict[str, str]:
        """An event that is in the inbox at once; its notifications by channel."""
        data = {"job_id": "j-9", "error": "disk full", "percent": 5} | fields.pop("data", {})
        event = {"type": type_, "recipients": [USER], "data": data, **fields}
        accepted = self.spine.intake.submit(event, owner="key_1", actor="key:key_1")
        found = self.spine.events.get(accepted.id)
        assert found is not None
        ids = {one["channel"]: one["id"] for one in found["notifications"]}
        if shown:
            self.work(ids["shelf"])
        return ids

    def work(self, *ids: str) -> None:
        for id_ in ids:
            left = self.spine.pipeline.rate_limit(self.spine.pipeline.dedupe(self.spine.pipeline.render([id_])))
            self.spine.delivery.deliver(self.spine.row(id_).channel, left)

    def items(self) -> list[dict[str, Any]]:
        return list(self.box.page(USER)[0].items)

    def read(self) -> None:
        self.box.mark(USER, self.items()[0]["id"], read=True)

    def later(self, minutes: float) -> None:
        self.spine.clock.advance(minutes=minutes)
        self.spine.relay.feed()


@pytest.fixture
def home(spine: Spine) -> Home:
    home = Home(spine)
    home.wants(escalate=TO_LETTERS)
    return home


def test_what_stays_unread_is_sent_when_its_time_has_come(home: Home):
    ids = home.happens()
    assert home.spine.states([ids["shelf"], ids["letters"]]) == [("delivered", None), SCHEDULED]
    home.later(14)
    assert home.spine.states([ids["letters"]]) == [SCHEDULED]
    home.later(1)
    assert home.spine.states([ids["letters"]]) == [("pending", None)]
    home.work(ids["letters"])
    assert home.spine.states([ids["letters"]]) == [("delivered", None)]
    assert home.spine.unaccounted() == 0


@pytest.mark.parametrize("how", ["read", "archived", "all"])
def test_what_was_read_goes_nowhere_else(home: Home, how: str):
    ids = home.happens()
    home.later(5)
    (item,) = home.items()
    if how == "all":
        home.box.read_all(USER)
    else:
        home.box.mark(USER, item["id"], **{how: True})
    assert home.spine.states([ids["letters"]]) == [READ]
    assert home.spine.trace(ids["letters"])[-1] == ("cancel", "cancelled", "read")
    assert home.spine.count("notifications_total", status="cancelled", reason="read") == 1
    shown = home.spine.history.notification(ids["letters"])
    assert shown is not None
    assert shown["because"] == "Cancelled: it was already read in the inbox."
    home.later(60)
    assert home.spine.letters.sent == []
    assert home.spine.unaccounted() == 0


def test_only_what_was_read_is_taken_back(home: Home):
    first, second = home.happens(), home.happens(data={"job_id": "j-10"})
    home.box.mark(USER, home.items()[0]["id"], read=True)
    assert home.spine.states([first["letters"], second["letters"]]) == [SCHEDULED, READ]
    other = home.spine.submit("u-2", channel="shelf")
    home.work(*other)
    home.box.read_all("u-2")
    assert home.spine.states([first["letters"]]) == [SCHEDULED]


def test_the_next_channel_has_its_turn_when_the_first_did_not_help(home: Home):
    home.wants(escalate={"job.failed": {"after_minutes": 15, "to": ["letters", "hooks"]}})
    ids = home.happens()
    home.later(15)
    home.work(ids["letters"])
    assert home.spine.states([ids["letters"], ids["hooks"]]) == [("delivered", None), SCHEDULED]
    home.read()
    assert home.spine.states([ids["letters"], ids["hooks"]]) == [("delivered", None), READ]


def test_reading_between_release_and_sending_still_counts(home: Home):
    ids = home.happens()
    home.later(15)
    home.read()
    assert home.spine.states([ids["letters"]]) == [READ]
    home.work(ids["letters"])
    assert home.spine.letters.sent == []


def test_a_retry_is_not_made_of_what_was_read_during_the_attempt(home: Home):
    ids = home.happens()
    home.later(15)
    home.spine.letters.answer(ids["letters"], Transient("busy"))
    home.spine.letters.during = lambda _message: home.read()
    home.work(ids["letters"])
    assert home.spine.states([ids["letters"]]) == [READ]
    assert home.spine.unaccounted() == 0


def test_a_crash_right_after_the_item_was_marked_bothers_nobody(home: Home):
    ids = home.happens()
    with home.spine.database.write() as conn:
        inbox.mark(conn, USER, home.items()[0]["id"], read=True, archived=None, now=home.spine.clock.now())
    assert home.spine.states([ids["letters"]]) == [SCHEDULED]
    home.later(15)
    assert home.spine.states([ids["letters"]]) == [READ]


def test_what_was_marked_unread_again_is_not_revived(home: Home):
    ids = home.happens()
    home.read()
    home.box.mark(USER, home.items()[0]["id"], read=False)
    home.later(15)
    assert home.spine.states([ids["letters"]]) == [READ]


def test_a_repeat_is_a_repeat_on_every_channel(home: Home):
    first, second = home.happens(), home.happens()
    assert home.spine.states([second["shelf"], second["letters"]]) == [("suppressed", "duplicate")] * 2
    assert home.spine.row(first["letters"]).duplicates == 1
    home.later(15)
    home.work(first["letters"])
    assert home.spine.letters.sent == [first["letters"]]
    assert home.spine.unaccounted() == 0


def test_several_that_stay_unread_go_out_as_one(home: Home):
    ids = [home.happens(data={"job_id": f"j-{number}"})["letters"] for number in range(5)]
    home.later(15)
    assert home.spine.states(ids) == [("digested", None)] * 5
    (digest,) = {home.spine.row(id_).digest_id for id_ in ids}
    assert digest is not None
    home.work(digest)
    assert home.spine.letters.sent == [digest]


def test_nobody_is_woken(home: Home):
    home.wants(escalate=TO_LETTERS, quiet_hours={"start": "12:10", "end": "13:00"})
    ids = home.happens()
    home.later(15)
    assert home.spine.states([ids["letters"]]) == [SCHEDULED]
    home.later(45)
    assert home.spine.states([ids["letters"]]) == [("pending", None)]


def test_a_wish_that_has_changed_counts_for_what_waits(home: Home):
    first, second, third = (home.happens(data={"job_id": f"j-{number}"})["letters"] for number in range(3))
    home.later(5)
    home.wants(escalate={"job.failed": {"after_minutes": 30, "to": ["letters"]}})
    home.later(10)
    assert home.spine.states([first, second, third]) == [SCHEDULED] * 3
    assert home.spine.row(first).next_at == home.spine.clock.now() + timedelta(minutes=15)
    home.wants(escalate={"job.failed": None}, events={"job.failed": {"letters": "off"}})
    home.later(0)
    assert home.spine.states([first, second, third]) == [("suppressed", "opted_out")] * 3


def test_what_the_inbox_does_not_have_yet_is_told_all_the_same(home: Home):
    ids = home.happens(shown=False)
    home.later(15)
    assert home.spine.states([ids["letters"]]) == [("pending", None)]


def test_an_inbox_item_that_is_held_gives_its_reader_the_whole_time(home: Home):
    home.wants(muted_until=(home.spine.clock.now() + timedelta(hours=1)).isoformat())
    ids = home.happens(shown=False)
    home.later(60)
    home.work(ids["shelf"])
    home.later(14)
    assert home.spine.states([ids["letters"]]) == [SCHEDULED]
    home.later(1)
    assert home.spine.states([ids["letters"]]) == [("pending", None)]


def test_a_digest_in_the_inbox_that_was_read_is_enough(home: Home):
    home.wants(events={"job.failed": {"shelf": "hourly"}})
    ids = [home.happens(shown=False, data={"job_id": f"j-{number}"}) for number in range(2)]
    home.later(60)
    (digest,) = {home.spine.row(one["shelf"]).digest_id for one in ids}
    assert digest is not None
    home.work(digest)
    assert home.spine.states([one["letters"] for one in ids]) == [SCHEDULED] * 2
    home.read()
    assert home.spine.states([one["letters"] for one in ids]) == [READ] * 2


def test_progress_that_has_moved_on_is_old_news(home: Home):
    home.wants(escalate={"job.progress": {"after_minutes": 15, "to": ["letters"]}})
    first = home.happens("job.progress", data={"percent": 10})
    home.spine.clock.advance(minutes=1)
    second = home.happens("job.progress", data={"percent": 20})
    assert len(home.items()) == 1
    home.later(20)
    assert home.spine.states([first["letters"], second["letters"]])[0] == ("suppressed", "superseded")
    assert home.spine.states([second["letters"]]) == [("pending", None)]


def test_it_expires_like_anything(home: Home):
    expires_at = home.spine.clock.now() + timedelta(minutes=10)
    ids = home.happens(expires_at=expires_at.isoformat())
    home.later(15)
    assert home.spine.states([ids["letters"]]) == [("expired", None)]


def test_explain_and_history_say_what_it_waits_for(home: Home):
    event = {"type": "job.failed", "recipients": [USER], "data": {"job_id": "j-9", "error": "disk full"}}
    (said,) = (one for one in home.spine.explain.decisions(event, owner="key_1") if one["channel"] == "letters")
    assert (said["decision"], said["reason"]) == ("hold", "scheduled")
    shown = home.spine.history.notification(home.happens()["letters"])
    assert shown is not None
    assert said["because"].startswith("Held until ")
    assert said["because"].endswith(", then sent if it is still unread in the inbox.")
    assert shown["because"] == said["because"]


def test_explain_knows_that_what_stands_in_for_a_repeat_is_one(home: Home):
    home.happens()
    event = {
        "type": "job.failed",
        "recipients": [USER],
        "data": {"job_id": "j-9", "error": "disk full", "percent": 5},
    }
    said = {one["channel"]: one for one in home.spine.explain.decisions(event, owner="key_1")}
    assert (said["letters"]["decision"], said["letters"]["reason"]) == ("suppress", "duplicate")
    assert said["letters"]["until"] is None


def test_a_replay_is_a_fallback_no_more(home: Home):
    ids = home.happens()
    home.later(15)
    for _ in range(3):
        home.spine.letters.answer(ids["letters"], Transient("busy"))
    home.work(ids["letters"])
    while home.spine.row(ids["letters"]).is_open:
        home.spine.clock.advance(minutes=2)
        home.spine.delivery.deliver("letters", [ids["letters"]])
    failed = Filters(user_id=USER, status="failed")
    (again,) = home.spine.dead_letters.replay(failed, limit=9, dry_run=False, actor="key:key_1").created
    home.read()
    assert home.spine.row(again.id).is_open


@pytest.fixture
def paged(database: Database, clock: FakeClock, gate_server: GateServer) -> Iterator[tuple[Home, Pages]]:
    pages = Pages()
    spine = Spine(database, clock, gate_server.url, more=[pages])
    home = Home(spine)
    spine.preferences.merge(USER, {"contacts": {"pages": {"target": "p"}}}, actor="key:key_1")
    home.wants(escalate={"job.failed": {"after_minutes": 15, "to": ["pages"]}})
    yield home, pages
    spine.close()


def test_an_alert_is_not_opened_for_what_is_over(paged: tuple[Home, Pages]):
    home, pages = paged
    ids = home.happens()
    home.later(5)
    over = home.happens("job.completed", resolved=True)
    home.later(10)
    assert home.spine.states([ids["pages"]]) == [("suppressed", "superseded")]
    home.work(over["pages"])
    assert home.spine.states([over["pages"]]) == [("suppressed", "superseded")]
    assert pages.sent == []


def test_an_alert_is_opened_for_what_stays_unread(paged: tuple[Home, Pages]):
    home, pages = paged
    ids = home.happens()
    home.later(15)
    home.work(ids["pages"])
    assert pages.sent == [ids["pages"]]
