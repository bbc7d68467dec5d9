"""Addresses that users set, addresses that services set, and trying out a channel."""

import pytest

from app.services.announcing import Announcement
from app.store import people
from tests.fakes.product import Product
from tests.fakes.rows import insert_notification

USER = "u-1"
PATH = f"/preferences/{USER}"
ADDRESS = "ana@b.example"
UNVERIFIED = {"address": ADDRESS, "verified": False}
BOUNCE = "550 5.1.1 no such user"
HOOK = {"url": "https://hooks.example/in"}


def own(product: Product, method: str, document: object):
    product.clock.advance(seconds=1)
    return product.call(method, PATH, product.token(USER), json=document)


def email(product: Product) -> object:
    return product.call("GET", PATH).json["contacts"].get("email")


def announced(product: Product) -> list[Announcement]:
    product.publisher.ids(1)
    return product.publisher.published


def disable(product: Product) -> None:
    """The mail server says that there is nobody."""
    with product.services.database.write() as conn:
        people.disable_contact(conn, USER, "email", BOUNCE, product.clock.now())


def mails(product: Product) -> list[str]:
    """The states of the verification mails, the newest first."""
    items = product.call("GET", f"/history/{USER}?type=verification").json["items"]
    return [item["status"] for item in items]


def test_an_address_that_a_user_sets_is_asked_first(product: Product):
    answer = own(product, "PUT", {"contacts": {"email": f" {ADDRESS} "}})
    assert answer.json["contacts"]["email"] == UNVERIFIED
    assert {cell["email"]["source"] for cell in answer.json["effective"].values()} == {"no_contact"}
    (mail,) = product.call("GET", f"/history/{USER}").json["items"]
    assert (mail["type"], mail["channel"], mail["status"]) == ("verification", "email", "pending")
    assert mail["event_id"] is None
    assert [(one.lane, one.channel, one.ids) for one in announced(product)] == [("critical", "email", (mail["id"],))]


def test_an_address_that_a_key_sets_is_taken_as_verified(product: Product):
    answer = product.call("PUT", PATH, product.key("users:write"), json={"contacts": {"email": ADDRESS}})
    assert answer.json["contacts"]["email"] == ADDRESS
    assert answer.json["effective"]["job.failed"]["email"]["source"] == "default"
    assert mails(product) == []


@pytest.mark.parametrize("given", [ADDRESS, {"address": ADDRESS}, {"address": ADDRESS, "verified": True}])
def test_a_key_that_sets_the_same_address_vouches_for_it(product: Product, given: object):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    assert product.call("PUT", PATH, json={"contacts": {"email": given}}).json["contacts"]["email"] == ADDRESS
    assert mails(product) == ["cancelled"]


def test_a_key_that_sets_another_address_vouches_for_that(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    patch = {"contacts": {"email": {"address": "new@b.example"}}}
    assert product.call("PATCH", PATH, json=patch).json["contacts"]["email"] == "new@b.example"


def test_a_document_that_is_sent_back_vouches_for_nothing(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    document = product.call("GET", PATH).json
    for token in (product.key("users:write"), product.token(USER)):
        assert product.call("PUT", PATH, token, json=document).json == document
        assert product.call("PATCH", PATH, token, json={"daily_at": None}).json["contacts"]["email"] == UNVERIFIED
    assert mails(product) == ["pending"]


def test_a_document_that_is_sent_to_somebody_else_does_not_vouch_for_the_address_in_it(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    document = product.call("GET", PATH).json
    answer = product.call("PUT", "/preferences/somebody-else", product.key("users:write"), json=document)
    assert answer.json["contacts"]["email"] == UNVERIFIED


def test_an_unchanged_address_keeps_its_state(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    for given in (ADDRESS, "ana@B.EXAMPLE", {"address": ADDRESS}, UNVERIFIED, {**UNVERIFIED, "verified": None}):
        assert own(product, "PUT", {"contacts": {"email": given}}).json["contacts"]["email"] == UNVERIFIED
    assert mails(product) == ["pending"]
    product.call("PATCH", PATH, json={"contacts": {"email": ADDRESS}})
    for given in (ADDRESS, {"address": ADDRESS}, UNVERIFIED, {"address": ADDRESS, "verified": True}):
        assert own(product, "PUT", {"contacts": {"email": given}}).json["contacts"]["email"] == ADDRESS
    assert mails(product) == ["cancelled"]


def test_a_user_who_changes_the_address_is_asked_again_and_the_old_question_is_taken_back(product: Product):
    product.call("PUT", PATH, json={"contacts": {"email": ADDRESS}})
    assert own(product, "PATCH", {"contacts": {"email": "b@b.example"}}).json["contacts"]["email"]["verified"] is False
    own(product, "PATCH", {"contacts": {"email": "c@b.example"}})
    assert mails(product) == ["pending", "cancelled"]
    own(product, "PATCH", {"contacts": {"email": None}})
    assert (email(product), mails(product)) == (None, ["cancelled", "cancelled"])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({**UNVERIFIED, "verified": True}, "verified"),
        ({**UNVERIFIED, "verified": "yes"}, "verified"),
        ({**UNVERIFIED, "verified": 0}, "verified"),
        ({**UNVERIFIED, "surprise": 1}, "surprise"),
        ({"verified": False}, "address"),
        ({"address": "ana"}, "address"),
        ({"address": {"address": ADDRESS}}, "address"),
    ],
)
def test_a_user_cannot_vouch_and_faults_name_the_field(product: Product, given: object, field: str):
    answer = own(product, "PUT", {"contacts": {"email": given}})
    assert answer.status_code == 422
    assert set(answer.json["errors"]["json"]["contacts"]["email"]) == {field}
    assert (email(product), mails(product)) == (None, [])


def test_verified_is_a_word_for_addresses_only(product: Product):
    answer = own(product, "PUT", {"contacts": {"webhook": {**HOOK, "verified": True}}})
    assert answer.json["errors"]["json"]["contacts"]["webhook"] == {"verified": ["Unknown field."]}


@pytest.mark.parametrize(
    ("locale", "because"),
    [
        ("en", "Not sent: the address for this channel has not been confirmed yet."),
        ("de", "Nicht gesendet: Die Adresse für diesen Kanal ist noch nicht bestätigt."),
    ],
)
def test_explain_says_what_is_missing(product: Product, locale: str, because: str):
    own(product, "PUT", {"locale": locale, "contacts": {"email": ADDRESS}})
    event = {"type": "job.failed", "recipients": [USER], "data": {"job_id": "j", "error": "x"}, "channels": ["email"]}
    (decision,) = product.call("POST", "/events/explain", json=event).json["decisions"]
    assert (decision["decision"], decision["reason"], decision["because"]) == ("suppress", "no_contact", because)


def test_what_names_the_channel_is_on_record_as_not_sent(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    event = {"type": "job.failed", "recipients": [USER], "data": {"job_id": "j", "error": "x"}, "channels": ["email"]}
    product.call("POST", "/events", json=event)
    (row,) = product.call("GET", f"/history/{USER}?type=job.failed").json["items"]
    assert (row["status"], row["reason"]) == ("suppressed", "no_contact")
    assert row["because"] == "Not sent: there is no usable address for this channel in the preferences."


def test_the_question_can_be_asked_again(product: Product):
    assert product.call("POST", f"{PATH}/verify/email").status_code == 422
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    product.clock.advance(seconds=1)
    answer = product.call("POST", f"{PATH}/verify/email", product.token(USER))
    assert answer.status_code == 202
    assert answer.headers["Location"] == answer.json["links"]["self"] == f"/notifications/{answer.json['id']}"
    assert mails(product) == ["pending", "cancelled"]
    product.call("PATCH", PATH, json={"contacts": {"email": ADDRESS}})
    for channel in ("email", "webhook", "inapp"):
        assert product.call("POST", f"{PATH}/verify/{channel}").status_code == 409


@pytest.mark.parametrize("channel", ["inapp", "email", "webhook"])
def test_a_test_is_a_notification_without_an_event(product: Product, channel: str):
    product.call("PUT", PATH, json={"contacts": {"email": ADDRESS, "webhook": HOOK}, "channels": {channel: False}})
    answer = product.call("POST", f"{PATH}/test/{channel}", product.token(USER))
    assert answer.status_code == 202
    shown = product.call("GET", answer.json["links"]["self"], product.token(USER)).json
    assert (shown["id"], shown["type"], shown["channel"]) == (answer.json["id"], "test", channel)
    assert (shown["event_id"], shown["status"], shown["subject_key"]) == (None, "pending", None)
    assert [(one.lane, one.ids) for one in announced(product)] == [(channel, (answer.json["id"],))]
    listed = product.call("GET", f"/history/{USER}?type=test").json["items"]
    assert [item["id"] for item in listed] == [answer.json["id"]]


def why_not(product: Product, channel: str) -> str:
    answer = product.call("POST", f"{PATH}/test/{channel}", product.token(USER))
    assert answer.status_code == 422
    return str(answer.json["errors"]["path"]["channel"])


def test_a_test_that_cannot_arrive_is_refused_with_what_to_do(product: Product):
    assert "set contacts.webhook in the preferences" in why_not(product, "webhook")
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    assert "not verified yet" in why_not(product, "email")
    assert product.call("GET", f"/history/{USER}?type=test").json["items"] == []


def bounced(product: Product) -> dict[str, object]:
    """An address that a key had set and that bounced, as it reads then."""
    product.call("PUT", PATH, json={"contacts": {"email": ADDRESS}})
    product.clock.advance(hours=1)
    disable(product)
    since = product.clock.now().isoformat().replace("+00:00", "Z")
    product.clock.advance(hours=1)
    return {"address": ADDRESS, "disabled": BOUNCE, "disabled_at": since}


def test_a_disabled_address_says_since_when_and_why(product: Product):
    disabled = bounced(product)
    assert email(product) == disabled
    assert product.call("GET", PATH).json["effective"]["job.failed"]["email"]["source"] == "no_contact"
    assert BOUNCE in why_not(product, "email")
    assert own(product, "PUT", {"contacts": {"email": disabled}}).json["contacts"]["email"] == disabled
    assert own(product, "PATCH", {"daily_at": "07:00"}).json["contacts"]["email"] == disabled
    assert product.call("PATCH", PATH, json={"daily_at": "09:00"}).json["contacts"]["email"] == disabled


@pytest.mark.parametrize("again", [ADDRESS, {"address": ADDRESS}, {"address": ADDRESS, "disabled": False}])
def test_a_person_who_sends_a_disabled_address_again_has_to_show_that_mail_arrives(product: Product, again: object):
    bounced(product)
    assert own(product, "PUT", {"contacts": {"email": again}}).json["contacts"]["email"] == UNVERIFIED
    assert mails(product) == ["pending"]


def test_a_service_that_sends_a_disabled_address_again_changes_nothing(product: Product):
    disabled = bounced(product)
    key = product.key("users:write")
    before = product.call("GET", PATH).headers["ETag"]
    for again in (ADDRESS, {"address": ADDRESS}, {"address": ADDRESS, "verified": True}):
        answer = product.call("PUT", PATH, key, json={"contacts": {"email": again}})
        assert (answer.json["contacts"]["email"], answer.headers["ETag"]) == (disabled, before)
    answer = product.call("PATCH", PATH, key, json={"contacts": {"email": {"disabled": False}}})
    assert answer.json["contacts"]["email"] == ADDRESS
    assert product.call("POST", f"{PATH}/test/email").status_code == 202


def test_another_address_is_not_disabled(product: Product):
    bounced(product)
    answer = product.call("PATCH", PATH, json={"contacts": {"email": {"address": "b@b.example"}}})
    assert answer.json["contacts"]["email"] == "b@b.example"


def test_an_address_that_bounced_before_it_was_verified_is_asked_when_it_is_taken_up(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    disable(product)
    since = product.clock.now().isoformat().replace("+00:00", "Z")
    assert email(product) == {**UNVERIFIED, "disabled": BOUNCE, "disabled_at": since}
    product.call("PUT", PATH, json={"contacts": {"email": ADDRESS}})
    assert email(product) == {**UNVERIFIED, "disabled": BOUNCE, "disabled_at": since}
    assert product.call("POST", f"{PATH}/verify/email").status_code == 422
    assert own(product, "PATCH", {"contacts": {"email": {"disabled": None}}}).json["contacts"]["email"] == UNVERIFIED
    assert mails(product) == ["pending", "cancelled"]


def test_who_reads_at_a_disabled_address_takes_it_up_by_confirming_it(product: Product):
    link = product.asked(USER, ADDRESS)
    disable(product)
    assert product.call("POST", link, None).status_code == 200
    assert email(product) == ADDRESS


@pytest.mark.parametrize("address", ["jös@b.example", "ana@münchen.example", "用户@例子.example"])
def test_an_address_that_is_not_ascii_is_one_like_any_other(product: Product, address: str):
    assert product.call("PUT", PATH, json={"contacts": {"email": address}}).json["contacts"]["email"] == address
    other = f"x{address}"
    assert own(product, "PATCH", {"contacts": {"email": other}}).status_code == 200
    link = product.asked(USER, other)
    assert f"<bdi>{other}</bdi>" in product.call("GET", link, None).text
    assert product.call("POST", link, None).status_code == 200
    assert email(product) == other


@pytest.mark.parametrize("path", ["test", "verify"])
@pytest.mark.parametrize("channel", ["pigeon", "EMAIL", "%00"])
def test_a_channel_that_is_none_is_not_found(product: Product, path: str, channel: str):
    answer = product.call("POST", f"{PATH}/{path}/{channel}")
    assert answer.status_code == 404
    assert "Allowed: inapp, email, webhook" in answer.json["detail"]


def test_own_types_are_filters_and_no_event_types(product: Product):
    insert_notification(product.services.database, product.clock.now(), type="test", event_id=None)
    for path in (f"/history/{USER}", "/notifications"):
        for type_ in ("test", "verification", "digest"):
            assert product.call("GET", f"{path}?type={type_}").status_code == 200
    assert not {"test", "verification"} & {item["name"] for item in product.call("GET", "/event-types").json["items"]}
    refused = product.call("POST", "/events", json={"type": "test", "recipients": [USER], "data": {}})
    assert set(refused.json["errors"]["json"]) == {"type"}
    assert set(product.call("PUT", PATH, json={"events": {"test": {}}}).json["errors"]["json"]["events"]) == {"test"}


def test_everything_is_accounted_for(product: Product):
    own(product, "PUT", {"contacts": {"email": ADDRESS}})
    own(product, "PUT", {"contacts": {"email": "b@b.example"}})
    product.call("POST", f"{PATH}/test/inapp")
    metrics = product.call("GET", "/metrics", None).text
    assert "\nnotifications_unaccounted 0.0\n" in metrics
    assert 'notifications_accepted_total{type="verification"} 2.0' in metrics
    assert USER not in metrics
