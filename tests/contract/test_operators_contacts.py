"""Contacts of the operators that come from the environment, beside those that they set themselves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.services.intake import Invalid
from app.store import people
from app.store.engine import Database
from channels.base import Contact, OpsgenieSettings, PagerDutySettings, Permanent
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.people_rig import Rig
from tests.fakes.spine import Spine

FIRST = "https://hooks.slack.com/services/T0/B0/first"
KEY, USER = "key:test", "operators"
GIVEN = {"url": {"set": True, "last4": "irst"}, "from": "environment"}
ROUTING = "0123456789abcdef0123456789abcdef"
MASKED = {"set": True, "last4": "cdef"}
HOUSE, OTHER = Contact({"target": "house"}), Contact({"target": "other"})
ERROR = {"type": "system.error", "data": {"component": "encoder", "message": "no worker answers"}}


@pytest.fixture
def rig(database: Database, clock: FakeClock, tmp_path: Path) -> Rig:
    """The services around people, with a hook from the environment."""
    return Rig(database, clock, tmp_path, slack_url=FIRST)


@pytest.fixture
def build(database: Database, clock: FakeClock, gate_server: GateServer) -> Iterator[Callable[[Contact | None], Spine]]:
    """The services on the way of a notification, with a contact from the environment on hooks."""
    made: list[Spine] = []

    def build_one(contact: Contact | None) -> Spine:
        made.append(Spine(database, clock, gate_server.url, operators={"hooks": contact} if contact else {}))
        return made[-1]

    yield build_one
    for spine in made:
        spine.close()
        assert spine.unaccounted() == 0


@pytest.fixture
def spine(build: Callable[[Contact | None], Spine]) -> Spine:
    return build(HOUSE)


def contacts(rig: Rig, user: str = USER) -> dict[str, Any]:
    return rig.preferences.get(user).body["contacts"]


def put(rig: Rig, document: dict[str, Any]) -> dict[str, Any]:
    return rig.preferences.replace(USER, document, actor=KEY).body


def patch(rig: Rig, **contacts: Any) -> dict[str, Any]:
    return rig.preferences.merge(USER, {"contacts": contacts}, actor=KEY).body["contacts"]


def errors(spine: Spine) -> str:
    """A system error that nobody is named for; the id of what goes to the operators' hook."""
    accepted = spine.intake.submit(ERROR | {"channels": ["hooks"]}, owner="key_1", actor=KEY)
    spine.clock.advance(minutes=10)
    (one,) = [row.id for row in spine.of_user(USER) if row.event_id == accepted.id]
    spine.delivery.deliver("hooks", [one])
    return one


def test_it_is_shown_masked_with_where_it_comes_from_and_counts(rig: Rig):
    shown = rig.preferences.get(USER)
    assert (shown.version, shown.body["contacts"]) == (0, {"slack": GIVEN})
    assert shown.body["effective"]["system.error"]["slack"]["rhythm"] == "instant"
    assert contacts(rig, "u-1") == contacts(rig, "_defaults") == {}
    assert rig.preferences.get("u-1").body["effective"]["system.error"]["slack"]["source"] == "no_contact"


def test_a_document_that_is_sent_back_as_read_changes_nothing(rig: Rig):
    assert patch(rig, slack={"url": GIVEN["url"]}) == {"slack": GIVEN}
    before = rig.preferences.get(USER)
    assert before.version == 0
    assert put(rig, before.body) == before.body
    with rig.database.read() as conn:
        assert people.contacts_of(conn, [USER]) == []


def test_a_contact_of_their_own_takes_its_place_until_it_is_removed(rig: Rig):
    own = {"url": {"set": True, "last4": "/own"}}
    assert patch(rig, slack={"url": "https://hooks.slack.com/own"}) == {"slack": own}
    assert put(rig, {"locale": "de", "contacts": {"slack": own}})["contacts"] == {"slack": own}
    assert patch(rig, slack=None) == {"slack": GIVEN}
    assert put(rig, {"contacts": {"slack": {"url": "https://hooks.slack.com/own"}}})["contacts"] == {"slack": own}
    assert put(rig, {})["contacts"] == {"slack": GIVEN}


def test_the_environments_cannot_be_removed(rig: Rig):
    assert patch(rig, slack=None) == {"slack": GIVEN}
    assert put(rig, {"contacts": {}})["contacts"] == {"slack": GIVEN}


@pytest.mark.parametrize(
    ("receivers", "channel", "shown"),
    [
        ({"pagerduty": PagerDutySettings(routing_key=ROUTING)}, "pagerduty", {"routing_key": MASKED}),
        ({"pagerduty": PagerDutySettings(api_key=ROUTING, service_id="P1")}, "pagerduty", {"api_key": MASKED}),
        ({"opsgenie": OpsgenieSettings(api_key=ROUTING)}, "opsgenie", {"api_key": MASKED, "url": None}),
    ],
)
def test_alerts_come_from_the_environment_too(
    database: Database, clock: FakeClock, tmp_path: Path, receivers: Any, channel: str, shown: dict[str, Any]
):
    rig = Rig(database, clock, tmp_path, **receivers)
    before = rig.preferences.get(USER)
    assert before.body["contacts"] == {channel: shown | {"from": "environment"}}
    assert before.body["effective"]["system.error"][channel]["rhythm"] == "instant"
    assert put(rig, before.body) == before.body
    assert patch(rig, **{channel: {name: value for name, value in shown.items() if value}}) == before.body["contacts"]
    with rig.database.read() as conn:
        assert people.contacts_of(conn, [USER]) == []


@pytest.mark.parametrize(
    ("user", "contact"),
    [
        (USER, {"url": GIVEN["url"], "from": "elsewhere"}),
        (USER, {"url": GIVEN["url"], "from": None}),
        ("u-1", GIVEN),
        ("u-1", {"url": "https://hooks.slack.com/own", "from": "environment"}),
    ],
)
def test_where_it_comes_from_is_not_for_anybody_to_say(rig: Rig, user: str, contact: dict[str, Any]):
    with pytest.raises(Invalid) as caught:
        rig.preferences.replace(user, {"contacts": {"slack": contact}}, actor=KEY)
    assert "from" in caught.value.errors["json"]["contacts"]["slack"]


def test_errors_reach_the_operators_there(spine: Spine):
    one = errors(spine)
    assert (spine.row(one).target, spine.states([one])) == ("house", [("delivered", None)])
    (decision,) = [said for said in spine.explain.decisions(ERROR, owner="key_1") if said["channel"] == "hooks"]
    assert (decision["user_id"], decision["decision"]) == (USER, "send")


def test_a_test_goes_there(spine: Spine):
    row = spine.trials.send(USER, "hooks", actor=KEY)
    assert row.target == "house"
    with pytest.raises(Invalid, match=r"contacts\.hooks"):
        spine.trials.send("u-1", "hooks", actor=KEY)


def test_their_own_is_used_instead(spine: Spine):
    spine.meet(USER, channel="hooks", target="own")
    assert spine.row(errors(spine)).target == "own"


def test_one_that_is_gone_is_not_used_again_until_the_variable_changes(
    spine: Spine, build: Callable[[Contact | None], Spine]
):
    goes = spine.trials.send(USER, "hooks", actor=KEY).id
    waits = spine.trials.send(USER, "hooks", actor=KEY).id
    spine.hooks.answer(goes, Permanent("Gone for good.", disables=True, http_status=410))
    spine.delivery.deliver("hooks", [goes])
    spine.delivery.deliver("hooks", [waits])
    assert spine.states([goes, waits]) == [("failed", "rejected"), ("suppressed", "no_contact")]
    (entry,) = spine.audit(f"user:{USER}")
    assert (entry.action, entry.detail["notification_id"]) == ("contact.disable", goes)
    shown = spine.preferences.get(USER).body
    why = {"disabled": "Gone for good.", "disabled_at": spine.clock.now()}
    assert shown["contacts"] == {"hooks": {"target": "house", "from": "environment", **why}}
    assert shown["effective"]["system.error"]["hooks"]["source"] == "no_contact"
    with pytest.raises(Invalid, match="Gone for good"):
        spine.trials.send(USER, "hooks", actor=KEY)
    assert spine.states([errors(build(HOUSE))]) == [("suppressed", "no_contact")]
    assert spine.states([errors(build(None))]) == [("suppressed", "no_contact")]
    changed = build(OTHER)
    assert changed.preferences.get(USER).body["contacts"] == {"hooks": {"target": "other", "from": "environment"}}
    assert spine.states([errors(changed)]) == [("delivered", None)]


def test_a_changed_one_may_be_gone_too(spine: Spine, build: Callable[[Contact | None], Spine]):
    for house in (spine, build(OTHER)):
        one = house.trials.send(USER, "hooks", actor=KEY).id
        house.hooks.answer(one, Permanent("Gone.", disables=True))
        house.delivery.deliver("hooks", [one])
        assert house.preferences.get(USER).body["contacts"]["hooks"]["disabled"] == "Gone."


def test_one_that_is_disabled_is_taken_up_again_without_the_mark(spine: Spine):
    one = spine.trials.send(USER, "hooks", actor=KEY).id
    spine.hooks.answer(one, Permanent("Gone.", disables=True))
    spine.delivery.deliver("hooks", [one])
    before = spine.preferences.get(USER).body
    assert spine.preferences.replace(USER, before, actor=KEY).body == before
    spine.preferences.merge(USER, {"contacts": {"hooks": None}}, actor=KEY)
    assert "disabled" in spine.preferences.get(USER).body["contacts"]["hooks"]
    spine.preferences.replace(USER, {"contacts": {"hooks": {"target": "house"}}}, actor=KEY)
    assert spine.preferences.get(USER).body["contacts"] == {"hooks": {"target": "house", "from": "environment"}}
    assert spine.states([errors(spine)]) == [("delivered", None)]


def test_of_many_that_find_it_gone_at_once_each_has_its_outcome(spine: Spine):
    ids = [spine.trials.send(USER, "hooks", actor=KEY).id for _ in range(4)]
    for one in ids:
        spine.hooks.answer(one, Permanent("Gone.", disables=True))
    at_once(4, lambda n: spine.delivery.deliver("hooks", [ids[n]]))
    ended = spine.states(ids)
    assert set(ended) <= {("failed", "rejected"), ("suppressed", "no_contact")}
    assert ("failed", "rejected") in ended
    assert len(spine.audit(f"user:{USER}")) == 1
