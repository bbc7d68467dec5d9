"""From an address that somebody enters to the first mail there, and trying out each channel, through the product."""

import re

import pytest

from tests.fakes.ledger import Entry
from tests.fakes.mailbox import Mailbox
from tests.fakes.receiver import Receiver
from tests.integration.product import TERMINAL, Product, eventually
from tests.integration.story import parsed

FAILED = {"job_id": "j-1", "error": "disk full"}
_LINK = re.compile(r"https?://\S+/ui/verify/\S+")


def token_of(product: Product, user: str) -> str:
    return str(product.call("POST", f"/users/{user}/token").json()["token"])


def enter(product: Product, user: str, address: str, **more: object) -> None:
    """What a user does with their own token."""
    answer = product.call(
        "PATCH", f"/preferences/{user}", token=token_of(product, user), json={"contacts": {"email": address}, **more}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["contacts"]["email"] == {"address": address, "verified": False}


def mails(mailbox: Mailbox, address: str, count: int = 1) -> list[Entry]:
    """What the mail server has for an address, once it is as much as that."""
    return eventually(
        lambda: [entry for entry in mailbox.ledger.entries() if address in entry["to"]],
        lambda found: len(found) >= count,
    )


def path_in(product: Product, mail: Entry) -> str:
    """The link of a verification mail, as a path."""
    (link,) = _LINK.findall(text_of(mail))
    assert link.startswith(f"{product.url}/ui/verify/")
    return str(link.removeprefix(product.url))


def text_of(mail: Entry) -> str:
    body = parsed(mail["content"]).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def contact(product: Product, user: str) -> object:
    return product.get(f"/preferences/{user}")["contacts"]["email"]


def test_an_address_gets_the_question_and_nothing_else_until_it_is_answered(product: Product, mailbox: Mailbox):
    user, address = "asked-1", "asked-1@contacts.example"
    enter(product, user, address, locale="de")
    (mail,) = mails(mailbox, address)
    assert parsed(mail["content"])["Subject"] == "Diese Adresse für Benachrichtigungen bestätigen"
    early = product.submit("job.failed", FAILED, user, channels=["email"])
    urgent = product.submit("system.error", {"component": "c", "message": "m"}, user)
    for event in (early, urgent):
        product.ended(event)
    assert product.notification(early, "email")["reason"] == "no_contact"
    decision = product.call(
        "POST",
        "/events/explain",
        json={"type": "job.failed", "recipients": [user], "data": FAILED, "channels": ["email"]},
    ).json()["decisions"][0]
    assert decision["because"] == "Nicht gesendet: Die Adresse für diesen Kanal ist noch nicht bestätigt."
    path = path_in(product, mail)
    for method in ("GET", "HEAD", "GET"):
        assert product.call(method, path, token=None).status_code == 200
    assert contact(product, user) == {"address": address, "verified": False}
    assert product.call("POST", path, token=None).status_code == 200
    assert contact(product, user) == address
    later = product.submit("job.failed", {**FAILED, "job_id": "j-2"}, user)
    assert product.ended(later)["counts"] == {"delivered": 2}
    subjects = [parsed(entry["content"])["Subject"] for entry in mails(mailbox, address, 2)]
    assert subjects == ["Diese Adresse für Benachrichtigungen bestätigen", "Job fehlgeschlagen: disk full (j-2)"]


def test_who_entered_an_address_cannot_read_its_link(product: Product, mailbox: Mailbox):
    user, address = "asked-2", "asked-2@contacts.example"
    enter(product, user, address)
    (mail,) = mails(mailbox, address)
    signature = path_in(product, mail).rpartition(".")[2]
    token = token_of(product, user)
    (item,) = eventually(
        lambda: product.call("GET", f"/history/{user}", token=token).json()["items"],
        lambda items: [one["status"] for one in items] == ["delivered"],
    )
    assert (item["type"], item["channel"]) == ("verification", "email")
    shown = [
        product.call("GET", path, token=token, headers=headers).text
        for path, headers in (
            (f"/history/{user}", {}),
            (f"/history/{user}", {"Accept": "text/csv"}),
            (f"/history/{user}", {"Accept": "application/x-ndjson"}),
            (f"/notifications/{item['id']}", {}),
            (f"/preferences/{user}", {}),
            (f"/inbox/{user}", {}),
        )
    ]
    shown += [product.call("GET", "/audit?limit=200").text, product.log()]
    assert item["id"] in shown[0]
    assert not any(signature in text for text in shown)


def test_an_address_that_a_service_sets_gets_mail_at_once(product: Product, mailbox: Mailbox):
    user, address = "known-1", "known-1@contacts.example"
    product.set_user(user, contacts={"email": address})
    product.submit("job.failed", FAILED, user)
    (mail,) = mails(mailbox, address)
    assert parsed(mail["content"])["Subject"] == "Job failed: disk full (j-1)"
    assert product.history(user, type="verification") == []


def test_links_that_were_tampered_with_or_are_out_of_date_open_nothing(product: Product, mailbox: Mailbox):
    mine, other = ("asked-3", "asked-3@contacts.example"), ("asked-4", "asked-4@contacts.example")
    paths = []
    for user, address in (mine, other):
        enter(product, user, address)
        paths.append(path_in(product, mails(mailbox, address)[0]))
    (my_mail, my_signature), (_, other_signature) = (path.rsplit(".", 1) for path in paths)
    for path in (f"{my_mail}.{other_signature}", f"{my_mail}.{my_signature[:-1]}", my_mail):
        for method in ("GET", "POST"):
            answer = product.call(method, path, token=None)
            assert (answer.status_code, "This link doesn't work" in answer.text) == (404, True)
    enter(product, mine[0], "asked-5@contacts.example")
    assert product.call("POST", paths[0], token=None).status_code == 404
    assert contact(product, mine[0]) == {"address": "asked-5@contacts.example", "verified": False}
    assert (
        product.call("POST", path_in(product, mails(mailbox, "asked-5@contacts.example")[0]), token=None).status_code
        == 200
    )
    assert contact(product, other[0]) == {"address": other[1], "verified": False}


def test_a_user_is_told_when_it_was_too_often(product: Product, mailbox: Mailbox):
    user = "asked-6"
    enter(product, user, "asked-6@contacts.example")
    token = token_of(product, user)

    def again() -> int:
        answer = product.call("POST", f"/preferences/{user}/verify/email", token=token)
        assert answer.status_code in (202, 429)
        if answer.status_code == 429:
            assert 3000 < int(answer.headers["Retry-After"]) <= 3600
        return answer.status_code

    assert [again() for _ in range(4)] == [202, 202, 429, 429]
    eventually(lambda: {one["status"] for one in product.history(user)} <= TERMINAL)
    assert 1 <= len(mails(mailbox, "asked-6@contacts.example")) <= 3


def leaving(product: Product, mail: Entry) -> str:
    """The link that turns off mails like this one, as a path; it is the same in header and text."""
    headers = parsed(mail["content"])
    # The product of these tests has no https.
    assert headers["List-Unsubscribe-Post"] is None
    link = str(headers["List-Unsubscribe"]).strip("<>")
    assert link.startswith(f"{product.url}/unsubscribe/")
    assert f"Unsubscribe from e-mails like this: {link}" in text_of(mail)
    return link.removeprefix(product.url)


def test_who_unsubscribes_is_not_mailed_about_that_again(product: Product, mailbox: Mailbox):
    user, address = "left-1", "left-1@contacts.example"
    product.set_user(user, contacts={"email": address})
    product.ended(product.submit("job.failed", FAILED, user))
    (mail,) = mails(mailbox, address)
    assert parsed(mail["content"])["Auto-Submitted"] == "auto-generated"
    path, before = leaving(product, mail), product.get(f"/preferences/{user}")
    seen = product.call("GET", path, token=None)
    assert (seen.status_code, "Failed jobs" in seen.text) == (200, True)
    assert product.get(f"/preferences/{user}") == before
    clicked = product.call("POST", path, token=None, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False)
    assert clicked.status_code == 200
    cell = product.get(f"/preferences/{user}")["effective"]["job.failed"]["email"]
    assert cell == {"rhythm": "off", "source": "user", "locked": False}
    silent = product.submit("job.failed", {"job_id": "j-2", "error": "disk full"}, user)
    product.ended(silent)
    assert product.notification(silent, "email")["reason"] == "opted_out"
    product.ended(product.submit("job.completed", {"job_id": "j-3"}, user))
    subjects = [parsed(one["content"])["Subject"] for one in mails(mailbox, address, 2)]
    assert subjects == ["Job failed: disk full (j-1)", "Job completed: j-3"]
    signature = path.rpartition(".")[2]
    assert signature not in product.call("GET", f"/history/{user}").text + product.call("GET", "/audit").text
    assert signature not in product.log()


@pytest.mark.parametrize("channel", ["inapp", "email", "webhook"])
def test_a_test_arrives(product: Product, mailbox: Mailbox, receiver: Receiver, channel: str):
    user, address, path = f"tried-{channel}", f"tried-{channel}@contacts.example", f"/tried-{channel}"
    product.set_user(
        user,
        contacts={"email": address, "webhook": {"url": receiver.url(path), "types": ["job.failed"]}},
        channels={"email": False, "webhook": False},
        quiet_hours={"start": "00:00", "end": "23:59"},
        muted_until="2100-01-01T00:00:00Z",
    )
    ids = []
    for _ in range(2):
        answer = product.call("POST", f"/preferences/{user}/test/{channel}", token=token_of(product, user))
        assert answer.status_code == 202, answer.text
        ids.append(answer.json()["id"])
    eventually(lambda: [one["status"] for one in product.history(user, type="test")] == ["delivered"] * 2)
    shown = product.get(f"/notifications/{ids[0]}")
    assert (shown["type"], shown["event_id"], shown["attempts"][0]["outcome"]) == ("test", None, "delivered")
    match channel:
        case "inapp":
            items = product.get(f"/inbox/{user}")["items"]
            assert sorted(item["notification_id"] for item in items) == sorted(ids)
            assert {item["title"] for item in items} == {"Test notification"}
        case "email":
            subjects = [parsed(mail["content"])["Subject"] for mail in mails(mailbox, address, 2)]
            assert subjects == ["Test notification"] * 2
        case _:
            posts = [entry for entry in receiver.ledger.entries() if entry["path"] == path]
            assert sorted(post["key"] for post in posts) == sorted(ids)
            assert '"type":"test"' in posts[0]["body"]
            assert '"event_id":null' in posts[0]["body"]
    assert product.settled().sum("notifications_unaccounted") == 0
