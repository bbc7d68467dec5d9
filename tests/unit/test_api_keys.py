"""Service keys and users' tokens, over HTTP and beneath it."""

import hashlib
import hmac
from datetime import timedelta

import jwt
import pytest

from app.services.departures import Departures
from app.store import api_keys, audit
from tests.fakes.identities import SECRET, identity_of
from tests.fakes.product import ADMIN_KEY

LONG = "a key of somebody else, long enough for every algorithm there is"


@pytest.fixture
def identity(database, clock):
    return identity_of(database, clock)


def test_a_key_is_shown_once_and_stored_as_a_digest(product):
    answer = product.call("POST", "/keys", json={"name": "encoder", "scopes": ["events:write", "events:write"]})
    assert answer.status_code == 201
    made = answer.json
    assert (made["name"], made["scopes"]) == ("encoder", ["events:write"])
    assert made["key"].startswith(f"im2n_{made['id']}_")
    with product.services.database.read() as conn:
        stored = api_keys.find(conn, made["id"])
        assert stored.digest == hashlib.sha256(made["key"].encode()).hexdigest()
        told = audit.about(conn, made["id"])
    assert [(entry.action, entry.actor) for entry in told] == [("key.created", "key:admin")]
    assert made["key"] not in str(told)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": ["admin"]}, "name"),
        ({"name": "", "scopes": ["admin"]}, "name"),
        ({"name": "x" * 256, "scopes": ["admin"]}, "name"),
        ({"name": "x"}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes"),
        ({"name": "x", "scopes": "admin"}, "scopes"),
        ({"name": "x", "scopes": ["admin"], "expires": 1}, "expires"),
    ],
)
def test_a_bad_key_request_names_the_field(product, body, field):
    answer = product.call("POST", "/keys", json=body)
    assert answer.status_code == 422
    assert field in answer.json["errors"]["json"]


def test_keys_are_listed_with_what_they_may_and_without_their_texts(product):
    old = product.call("POST", "/keys", json={"name": "old", "scopes": ["users:read", "admin"]}).json
    product.clock.advance(seconds=60)
    new = product.call("POST", "/keys", json={"name": "<b>new</b>", "scopes": ["events:write"]}).json
    product.call("DELETE", f"/keys/{old['id']}")
    answer = product.call("GET", "/keys")
    assert answer.status_code == 200
    shown = {key["id"]: key for key in answer.json["items"]}
    assert list(shown) == [old["id"], new["id"]]
    assert {name: shown[old["id"]][name] for name in ("name", "scopes")} == {
        "name": "old",
        "scopes": ["users:read", "admin"],
    }
    assert shown[old["id"]]["created_at"] < shown[old["id"]]["revoked_at"] == shown[new["id"]]["created_at"]
    assert (shown[new["id"]]["name"], shown[new["id"]]["revoked_at"]) == ("<b>new</b>", None)
    assert set(shown[new["id"]]) == {"id", "name", "scopes", "created_at", "revoked_at"}
    for text in (old["key"], new["key"]):
        assert text.removeprefix("im2n_").split("_", 2)[2] not in answer.text
        assert hashlib.sha256(text.encode()).hexdigest() not in answer.text


def test_a_revoked_key_stops_at_once_here(product):
    made = product.call("POST", "/keys", json={"name": "x", "scopes": ["admin"]}).json
    assert product.call("GET", "/inbox/u-1", made["key"]).status_code == 200
    assert product.call("DELETE", f"/keys/{made['id']}").status_code == 204
    assert product.call("GET", "/inbox/u-1", made["key"]).status_code == 401
    assert product.call("DELETE", f"/keys/{made['id']}").status_code == 404


def test_a_key_revoked_elsewhere_stops_within_two_seconds(identity, database, clock):
    made = identity.create_key("x", ["admin"], actor="test")
    assert identity.authenticate(made.key)
    identity_of(database, clock).revoke_key(made.id, actor="test")
    clock.advance(seconds=1.9)
    assert identity.authenticate(made.key), "looked up a moment ago"
    clock.advance(seconds=0.1)
    assert identity.authenticate(made.key) is None


def test_a_key_made_elsewhere_works_at_once(identity, database, clock):
    other = identity_of(database, clock)
    made = other.create_key("x", ["admin"], actor="test")
    assert identity.authenticate(made.key[:-1] + "x") is None
    assert identity.authenticate(made.key)


def test_secrets_are_compared_in_constant_time(identity, monkeypatch):
    compared = []

    def watched(left, right):
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", watched)
    made = identity.create_key("x", ["admin"], actor="test")
    identity.authenticate(made.key)
    assert len(compared) == 1


@pytest.mark.parametrize(
    "changed", ["", "im2n_", "im2n_key__x", "im2n_{id}", "im2n_{id}_", "im2n_{id}_wrong", "{key} ", "{key}0"]
)
def test_what_is_not_quite_the_key_is_not_the_key(identity, changed):
    made = identity.create_key("x", ["admin"], actor="test")
    assert identity.authenticate(changed.format(id=made.id, key=made.key)) is None


def test_the_first_admin_key_is_made_once_and_kept_in_a_file(identity, tmp_path):
    path = tmp_path / "data" / "admin.key"
    text = identity.ensure_admin_key(path)
    assert path.read_text().strip() == text
    assert path.stat().st_mode & 0o777 == 0o600
    assert identity.authenticate(text).may("users:read")
    assert identity.ensure_admin_key(path) is None


def test_a_first_key_that_was_written_but_not_stored_is_stored_by_the_next_start(identity, database, clock, tmp_path):
    path = tmp_path / "admin.key"
    text = identity.ensure_admin_key(path)
    with database.write() as conn:
        conn.execute(api_keys.api_keys.delete())
    assert identity_of(database, clock).ensure_admin_key(path) == text


def test_there_is_no_first_key_when_the_environment_has_one(database, clock, tmp_path):
    identity = identity_of(database, clock, admin_api_key="from-the-environment")
    assert identity.ensure_admin_key(tmp_path / "admin.key") is None
    assert not (tmp_path / "admin.key").exists()
    assert identity.authenticate("from-the-environment").may("admin")


def test_a_user_token_is_a_jwt_for_fifteen_minutes(product):
    answer = product.call("POST", "/users/u-17/token")
    assert answer.status_code == 200
    assert answer.json["expires_at"] == "2026-11-22T12:15:00Z"
    token = answer.json["token"]
    unchecked = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="im2-notifications", options=unchecked)
    assert claims["sub"] == "u-17"
    product.clock.advance(minutes=14, seconds=59)
    assert product.call("GET", "/inbox/u-17", token).status_code == 200
    product.clock.advance(seconds=1)
    assert product.call("GET", "/inbox/u-17", token).status_code == 401


@pytest.mark.parametrize("user_id", ["_defaults", "a b", "u" * 129])
def test_there_is_no_token_for_what_cannot_be_a_user(product, user_id):
    assert product.call("POST", f"/users/{user_id}/token").status_code == 404


def forged(clock, secret=SECRET, algorithm="HS256", **changes):
    claims = {"sub": "u-17", "aud": "im2-notifications", "exp": clock.now() + timedelta(minutes=5)} | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm=algorithm)


def test_a_token_that_the_platform_signed_with_our_key_is_good(identity, clock):
    assert identity.authenticate(forged(clock)).id == "u-17"


def test_one_that_does_not_say_when_it_was_signed_is_as_old_as_it_can_be(identity, database, clock):
    unsaid, said = forged(clock), forged(clock, iat=clock.now() + timedelta(seconds=2))
    departures = Departures(database, clock, secret_key=SECRET)
    with database.write() as conn:
        departures.note(conn, "u-17")
    assert identity.authenticate(unsaid) is None
    assert identity.authenticate(said).id == "u-17"


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": LONG},
        {"secret": LONG, "algorithm": "HS512"},
        {"secret": None, "algorithm": "none"},
        {"sub": None},
        {"sub": 17},
        {"sub": "_defaults"},
        {"aud": None},
        {"aud": "other"},
        {"exp": None},
        {"exp": 0},
        {"exp": "soon"},
        {"exp": 10**30},
        {"exp": 1795352400},
        {"nbf": 1795352400},
    ],
)
def test_a_forged_or_unlimited_token_is_refused(identity, clock, changes):
    assert identity.authenticate(forged(clock, **changes)) is None


def test_a_user_has_no_scope(identity):
    assert not identity.authenticate(identity.issue_user_token("u-17", actor="test")[0]).may("users:read")


def test_the_operators_key_owns_its_events_under_a_name_of_its_own(product):
    event = {"type": "system.warning", "data": {"component": "c", "message": "m"}}
    event_id = product.call("POST", "/events", ADMIN_KEY, json=event).json["id"]
    assert product.services.events.get(event_id)["owner"] == "admin"
