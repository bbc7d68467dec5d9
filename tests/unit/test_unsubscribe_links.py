"""The links that turn off mails: who can make one, and what it says."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.services.unsubscribe_links import Subscription, UnsubscribeLinks
from app.store import link_key
from app.store.engine import Database
from app.store.secretbox import SecretBox
from channels.base import Message
from tests.fakes.samples import message

BOX = SecretBox("a key of the test")
MINE = Subscription("u-1", "email", "job.failed")
URL = "https://im2.example/notify"


def made(database: Database, box: SecretBox = BOX, public_url: str = URL) -> UnsubscribeLinks:
    links = UnsubscribeLinks(database, box, public_url)
    links.prepare()
    return links


def mail(type_: str = "job.failed", text: str = f"words\n{URL}/unsubscribe/…\n", html: str | None = None) -> Message:
    return message(user_id="u-1", type=type_, text=text, html=html)


@pytest.mark.parametrize("type_", ["job.failed", "system.error", "test", "digest"])
@pytest.mark.parametrize("user_id", ["u-1", "a" * 128, "Ana.B:c@d+e-f_g"])
def test_a_link_says_what_it_turns_off(database: Database, user_id: str, type_: str):
    links = made(database)
    wanted = Subscription(user_id, "email", type_)
    assert links.subscription(links.token(wanted)) == wanted
    assert wanted.event_type == (type_ if "." in type_ else None)


def test_every_process_knows_the_links_of_the_others_and_the_same_mail_has_the_same_one(database: Database):
    first, second = UnsubscribeLinks(database, BOX, URL), UnsubscribeLinks(database, BOX, URL)
    # One that has made none reads those of the others; before there is a key, there is no link.
    assert second.subscription("e30.e30") is None
    first.prepare()
    token = first.token(MINE)
    assert second.subscription(token) == MINE
    second.prepare()
    assert second.token(MINE) == token
    assert made(database).token(MINE) == token


def test_two_installations_do_not_know_each_others_links(database: Database, tmp_path, migrated):
    path = tmp_path / "other.db"
    path.write_bytes(migrated)
    other = Database(f"sqlite:///{path}")
    try:
        # Not even with the same SECRET_KEY.
        assert made(other).subscription(made(database).token(MINE)) is None
    finally:
        other.close()


def test_nothing_that_was_changed_is_taken(database: Database):
    links = made(database)
    token = links.token(MINE)
    names, signature = token.split(".")
    forged = [
        _token(["u-2", "email", "job.failed"], signature),
        _token(["u-1", "email", "job.completed"], signature),
        _token(["u-1", "webhook", "job.failed"], signature),
        _token(["u-1", "email", "job.failed", "x"], signature),
        _token(["u-1", "email", "verification"], signature),
        _token(["u-1", "email", "job.unheard"], signature),
        _token(["u-1", 5, "job.failed"], signature),
        _token(["\ud800", "email", "job.failed"], signature),
        _token({"u-1": 1, "email": 2, "job.failed": 3}, signature),
        names,
        f"{names}.",
        f".{signature}",
        f"{names}=.{signature}",
        f"{token}.{signature}",
        token[:-1],
        token + "A",
        token.swapcase(),
        "[" * 200_000,
        base64.urlsafe_b64encode(b"[" * 290).decode(),
        "",
        "ü",
    ]
    assert [one for one in forged if links.subscription(one) is not None] == []
    assert links.subscription(token) == MINE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=500) | st.binary(max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_whatever_is_asked_for_is_answered(database: Database, token: str):
    assert made(database).subscription(token) is None


def test_the_key_is_in_the_database_but_cannot_be_read_there(database: Database):
    token = made(database).token(MINE)
    with database.read() as conn:
        sealed = link_key.sealed(conn)
    assert sealed is not None
    assert "key" in BOX.open(sealed)
    assert BOX.open(sealed)["key"] not in sealed
    assert token.rpartition(".")[2] not in sealed


def test_the_link_is_put_where_the_blank_is_and_only_into_the_last(database: Database):
    links = made(database)
    blank = f"{URL}/unsubscribe/…"
    link = f"{URL}/unsubscribe/{links.token(MINE)}"
    filled = links.filled(mail(text=f"quoted {blank}\n--\n{blank}\n", html=f'<a href="{blank}">x</a>'), "email")
    assert filled.text == f"quoted {blank}\n--\n{link}\n"
    assert filled.html == f'<a href="{link}">x</a>'
    assert filled.unsubscribe_url == link
    assert links.filled(mail(text="no blank"), "email").text == "no blank"


def test_a_verification_has_no_link(database: Database):
    asked = mail("verification")
    assert made(database).filled(asked, "email") is asked


def _token(names: object, signature: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps(names).encode()).decode().rstrip("=")
    return f"{head}.{signature}"
