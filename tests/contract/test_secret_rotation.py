"""A new SECRET_KEY: no secret is ever out of reach, wherever the rotation is stopped and whoever writes meanwhile."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.services.secret_rotation import Resealed, SecretRotation
from app.services.unsubscribe_links import Subscription, UnsubscribeLinks
from app.store import audit, keyring, link_key, people
from app.store.engine import Database
from app.store.people import StoredContact
from app.store.secretbox import SecretBox, WrongSecretKey
from app.store.tables import metadata
from tests.fakes.clock import FakeClock
from tests.fakes.people_rig import Rig

OLD, NEW, NEWER = "the key before", "the key after", "the key after that"
MANY = 450
HOOK = {"url": "https://hooks.example/in"}


class Killed(Exception):
    pass


@pytest.fixture
def old(database: Database, clock: FakeClock, tmp_path: Path) -> Rig:
    return Rig(database, clock, tmp_path, key=OLD)


@pytest.fixture
def new(database: Database, clock: FakeClock, tmp_path: Path) -> Rig:
    return Rig(database, clock, tmp_path, key=NEW)


@pytest.fixture
def rotation(database: Database, clock: FakeClock) -> SecretRotation:
    return SecretRotation(database, clock, stage=lambda _place: None)


def fill(rig: Rig, count: int = MANY) -> None:
    with rig.database.write() as conn:
        for number in range(count):
            sealed = rig.box.seal({"secret": f"s-{number}"})
            people.put_contact(
                conn, StoredContact(f"u-{number:04}", "webhook", HOOK, sealed, "t", None), rig.clock.now()
            )
        people.put_contact(
            conn, StoredContact("u-mail", "email", {"address": "a@b.example"}, None, "smtp", None), rig.clock.now()
        )


def read(database: Database, box: SecretBox) -> dict[str, str]:
    with database.read() as conn:
        rows = people.sealed_after(conn, None, 10_000)
    return {row.user_id: box.open(row.secret)["secret"] for row in rows}


def everything() -> dict[str, str]:
    return {f"u-{number:04}": f"s-{number}" for number in range(MANY)}


def rotate(rotation: SecretRotation, old_key: str = OLD, new_key: str = NEW) -> Resealed:
    rotation.begin(old_key, new_key, gently=False, actor="cli")
    done = rotation.reseal(new_key, lambda _count: None)
    rotation.finish(new_key, done, actor="cli")
    return done


def put(rig: Rig, user: str, **hook: object) -> str:
    shown = rig.preferences.replace(user, {"contacts": {"webhook": {**HOOK, **hook}}}, actor="key:test")
    return str(shown.body["contacts"]["webhook"]["secret"])


def test_all_is_under_the_new_key_and_says_what_it_said(database: Database, old: Rig, rotation: SecretRotation):
    fill(old)
    seen: list[int] = []
    rotation.begin(OLD, NEW, gently=False, actor="cli")
    assert rotation.count() == MANY
    done = rotation.reseal(NEW, seen.append)
    rotation.finish(NEW, done, actor="cli")
    assert done == Resealed(MANY, ())
    assert (seen[-1], sorted(seen)) == (MANY, seen)
    assert read(database, SecretBox(NEW)) == everything()
    with pytest.raises(WrongSecretKey):
        read(database, SecretBox(OLD))
    ring = rotation.ring()
    assert ring is not None
    assert ring == keyring.Ring(SecretBox(NEW).key_id, [], None)
    with database.read() as conn:
        told = audit.about(conn, "secret_key")
    assert [(entry.actor, entry.action) for entry in told] == [
        ("cli", "secret_key.rotate"),
        ("cli", "secret_key.rotated"),
    ]
    assert told[-1].detail == {"resealed": MANY, "lost": 0}


def test_no_table_has_anything_left_that_only_the_old_key_opens(database: Database, old: Rig, rotation: SecretRotation):
    fill(old, 3)
    put(old, "u-made")
    rotate(rotation)
    box, found = SecretBox(NEW), 0
    with database.read() as conn:
        for table in metadata.tables.values():
            for row in conn.execute(select(table)):
                for value in row:
                    # As Fernet's tokens begin.
                    if isinstance(value, str) and value.startswith("gAAAA"):
                        found += 1
                        box.open(value)
    assert found == 4


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_stopped_anywhere_everything_is_readable_and_the_next_run_ends_it(
    database: Database, clock: FakeClock, old: Rig, new: Rig, slices: int
):
    fill(old)
    left = slices

    def stage(_place: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    with pytest.raises(Killed):
        rotate(SecretRotation(database, clock, stage=stage))
    assert read(database, new.box) == everything()
    again = rotate(SecretRotation(database, clock, stage=lambda _place: None))
    assert again.count == max(MANY - slices * 200, 0)
    assert read(database, SecretBox(NEW)) == everything()
    with database.read() as conn:
        begun = [entry for entry in audit.about(conn, "secret_key") if entry.action == "secret_key.rotate"]
    assert len(begun) == 1


def test_a_process_with_the_old_key_can_store_nothing_any_more(old: Rig, new: Rig, rotation: SecretRotation):
    made = put(old, "u-1")
    rotation.begin(OLD, NEW, gently=False, actor="cli")
    assert old.preferences.get("u-1").body["contacts"]["webhook"]["secret"]["last4"] == made[-4:]
    with pytest.raises(WrongSecretKey, match="SECRET_KEY: it was rotated"):
        put(old, "u-1", headers={"X-Token": "0123456789abcdef"})
    with pytest.raises(WrongSecretKey):
        put(old, "u-2")
    with pytest.raises(WrongSecretKey):
        old.preferences.rotate("u-1", "webhook", actor="key:test")
    assert old.preferences.get("u-2").version == 0
    rotation.reseal(NEW, lambda _count: None)
    with pytest.raises(WrongSecretKey, match="SECRET_KEY"):
        old.preferences.get("u-1")
    assert new.preferences.get("u-1").body["contacts"]["webhook"]["secret"]["last4"] == made[-4:]


def test_what_needs_no_secret_goes_on_with_the_old_key(old: Rig, rotation: SecretRotation):
    put(old, "u-1")
    rotate(rotation)
    assert old.preferences.replace("u-3", {"locale": "de"}, actor="key:test").body["locale"] == "de"
    with old.database.read() as conn:
        assert set(old.people.recipients(conn, ["u-1"])["u-1"].targets) == {"inapp", "webhook"}


def test_prepared_both_may_store_and_the_end_finds_what_the_old_one_stored(
    database: Database, old: Rig, new: Rig, rotation: SecretRotation
):
    rotation.begin(OLD, NEW, gently=True, actor="cli")
    late, fresh = put(old, "u-late"), put(new, "u-new")
    assert read(database, new.box) == {"u-late": late, "u-new": fresh}
    with database.read() as conn:
        keyring.check(conn, SecretBox(OLD))
        keyring.check(conn, SecretBox(NEW))
    assert rotate(rotation, NEW, NEW).count == 1
    assert read(database, SecretBox(NEW)) == {"u-late": late, "u-new": fresh}
    with pytest.raises(WrongSecretKey):
        put(old, "u-too-late")


def test_what_is_being_stored_with_the_old_key_is_waited_for(database: Database, old: Rig, rotation: SecretRotation):
    begun = threading.Thread(target=lambda: rotation.begin(OLD, NEW, gently=False, actor="cli"))
    with database.write() as conn:
        keyring.admit(conn, old.box)
        begun.start()
        begun.join(0.3)
        assert begun.is_alive()
        assert keyring.read(conn) is None
        people.put_contact(
            conn, StoredContact("u-1", "webhook", HOOK, old.box.seal({"secret": "s"}), "t", None), old.clock.now()
        )
    begun.join(10)
    assert rotate(rotation).count == 1
    assert read(database, SecretBox(NEW)) == {"u-1": "s"}


def test_what_changes_during_the_rotation_stays_changed(
    database: Database, old: Rig, new: Rig, rotation: SecretRotation
):
    fill(old)
    rotation.begin(OLD, NEW, gently=False, actor="cli")
    changed: dict[str, str] = {}

    def change() -> None:
        for number in range(0, MANY, 15):
            user = f"u-{number:04}"
            new.preferences.replace(user, {"contacts": {}}, actor="key:test")
            changed[user] = put(new, user)

    changing = threading.Thread(target=change)
    changing.start()
    rotation.reseal(NEW, lambda _count: None)
    changing.join()
    rotation.finish(NEW, rotation.reseal(NEW, lambda _count: None), actor="cli")
    assert len(changed) == 30
    assert read(database, SecretBox(NEW)) == everything() | changed


def test_a_rotation_that_was_not_finished_can_be_followed_by_another(
    database: Database, clock: FakeClock, old: Rig, tmp_path: Path
):
    fill(old)

    def kill(_place: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        rotate(SecretRotation(database, clock, stage=kill))
    with pytest.raises(Killed):
        rotate(SecretRotation(database, clock, stage=kill), NEW, NEWER)
    assert read(database, Rig(database, clock, tmp_path, key=NEWER).box) == everything()
    rotate(SecretRotation(database, clock, stage=lambda _place: None), NEWER, NEWER)
    assert read(database, SecretBox(NEWER)) == everything()


def test_a_key_that_was_never_in_use_gets_nowhere(database: Database, old: Rig, rotation: SecretRotation):
    fill(old, 1)
    with pytest.raises(WrongSecretKey, match="SECRET_KEY"):
        rotation.begin("somebody's", NEW, gently=False, actor="cli")
    assert rotation.ring() is None
    rotate(rotation)
    for key in (OLD, "somebody's"):
        with pytest.raises(WrongSecretKey, match="SECRET_KEY"):
            rotation.begin(key, NEWER, gently=False, actor="cli")
        with pytest.raises(WrongSecretKey, match="SECRET_KEY"), database.read() as conn:
            keyring.check(conn, SecretBox(key))
    assert read(database, SecretBox(NEW)) == {"u-0000": "s-0"}


def test_what_no_key_opens_is_told_and_holds_up_nothing(database: Database, old: Rig, rotation: SecretRotation):
    fill(old, 3)
    with database.write() as conn:
        conn.execute(text("UPDATE contacts SET secret = 'gAAAAABm' WHERE user_id = 'u-0001'"))
    assert rotate(rotation) == Resealed(2, ("u-0001",))
    with database.write() as conn:
        conn.execute(text("DELETE FROM contacts WHERE user_id = 'u-0001'"))
    assert set(read(database, SecretBox(NEW))) == {"u-0000", "u-0002"}


def links_of(rig: Rig) -> UnsubscribeLinks:
    return UnsubscribeLinks(rig.database, rig.box, "https://im2.example")


def test_links_in_mails_that_were_sent_go_on_working(database: Database, old: Rig, new: Rig, rotation: SecretRotation):
    mine = Subscription("u-1", "email", "job.failed")
    before = links_of(old)
    before.prepare()
    token = before.token(mine)
    assert rotation.count() == 1
    assert rotate(rotation) == Resealed(1, ())
    # A process that was started with the new key, and one that is still there with the old one.
    assert [links.subscription(token) for links in (links_of(new), before)] == [mine, mine]
    with pytest.raises(WrongSecretKey):
        links_of(old).subscription(token)
    assert rotate(rotation, NEW, NEW) == Resealed(0, ())


def test_a_process_with_the_old_key_makes_no_key_for_links_that_the_others_cannot_read(
    old: Rig, new: Rig, rotation: SecretRotation
):
    rotate(rotation)
    with pytest.raises(WrongSecretKey):
        links_of(old).prepare()
    links_of(new).prepare()


def test_a_key_for_links_that_no_key_opens_makes_room_for_another(
    database: Database, new: Rig, rotation: SecretRotation
):
    with database.write() as conn:
        link_key.put_first(conn, "gAAAAABm")
    with database.write() as conn:
        keyring.put(conn, keyring.Ring(SecretBox(NEW).key_id))
    with pytest.raises(WrongSecretKey):
        links_of(new).prepare()
    assert rotation.reseal(NEW, lambda _count: None) == Resealed(0, ())
    links_of(new).prepare()


def test_a_process_that_cannot_read_the_key_for_links_does_not_start(database: Database, old: Rig):
    links_of(old).prepare()
    with database.read() as conn:
        keyring.check(conn, old.box)
        with pytest.raises(WrongSecretKey, match="SECRET_KEY"):
            keyring.check(conn, SecretBox("somebody's"))


def test_a_delivery_with_the_old_key_waits_and_loses_nothing(database, clock, spine):
    spine.meet("u-1", channel="hooks")
    with database.write() as conn:
        sealed = spine.box.seal({"secret": "s"})
        people.put_contact(conn, StoredContact("u-1", "hooks", {"target": "t"}, sealed, "t", None), clock.now())
    (waiting,) = spine.submit("u-1", channel="hooks")
    rotate(SecretRotation(database, clock, stage=lambda _place: None), "a key of the test", NEW)
    with pytest.raises(WrongSecretKey):
        spine.delivery.deliver("hooks", [waiting])
    assert spine.states([waiting]) == [("pending", None)]
    assert spine.attempts(waiting) == []
    assert spine.hooks.sent == []
