"""Who may do what, from outside."""

import time

import jwt
import pytest

from tests.integration.conftest import SECRET_KEY

SOMEBODY, SOMEBODY_ELSE = "access-1", "access-2"
OPEN = ["/health", "/health/live", "/metrics", "/openapi.json"]
CLOSED = [
    ("POST", "/events"),
    ("POST", "/events/batch"),
    ("GET", "/events/evt_0190"),
    ("DELETE", "/events/evt_0190"),
    ("GET", "/notifications/ntf_0190"),
    ("GET", "/preferences"),
    ("POST", "/preferences"),
    ("GET", f"/preferences/{SOMEBODY}"),
    ("PUT", f"/preferences/{SOMEBODY}"),
    ("PATCH", f"/preferences/{SOMEBODY}"),
    ("GET", "/preferences/_defaults"),
    ("PUT", "/preferences/_defaults"),
    ("GET", f"/history/{SOMEBODY}"),
    ("GET", f"/inbox/{SOMEBODY}"),
    ("PATCH", f"/inbox/{SOMEBODY}/itm_0190"),
    ("POST", f"/inbox/{SOMEBODY}/read-all"),
    ("POST", f"/inbox/{SOMEBODY}/ticket"),
    ("POST", "/keys"),
    ("DELETE", "/keys/key_0190"),
    ("POST", f"/users/{SOMEBODY}/token"),
]
NEEDS = {
    ("POST", "/events"): {"events:write"},
    ("POST", "/events/batch"): {"events:write"},
    ("GET", "/events/evt_0190"): {"events:write"},
    ("DELETE", "/events/evt_0190"): {"events:write"},
    ("GET", "/notifications/ntf_0190"): {"users:read"},
    ("GET", "/preferences"): set(),
    ("POST", "/preferences"): set(),
    ("GET", f"/preferences/{SOMEBODY}"): {"users:read"},
    ("PUT", f"/preferences/{SOMEBODY}"): {"users:write"},
    ("PATCH", f"/preferences/{SOMEBODY}"): {"users:write"},
    ("GET", "/preferences/_defaults"): set(),
    ("PUT", "/preferences/_defaults"): set(),
    ("GET", f"/history/{SOMEBODY}"): {"users:read"},
    ("GET", f"/inbox/{SOMEBODY}"): {"users:read"},
    ("PATCH", f"/inbox/{SOMEBODY}/itm_0190"): {"users:write"},
    ("POST", f"/inbox/{SOMEBODY}/read-all"): {"users:write"},
    ("POST", f"/inbox/{SOMEBODY}/ticket"): {"users:read"},
    ("POST", "/keys"): set(),
    ("DELETE", "/keys/key_0190"): set(),
    ("POST", f"/users/{SOMEBODY}/token"): {"users:write"},
}


@pytest.fixture(scope="module")
def keys(product):
    """A key for each scope."""

    def make(scope):
        answer = product.call("POST", "/keys", json={"name": scope, "scopes": [scope]})
        assert answer.status_code == 201
        assert set(answer.json()) == {"id", "name", "scopes", "key"}
        return answer.json()["key"]

    return {scope: make(scope) for scope in ("events:write", "users:read", "users:write", "admin")}


def token(product, user):
    answer = product.call("POST", f"/users/{user}/token")
    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expires_at"}
    return answer.json()["token"]


def forged(secret=SECRET_KEY, **claims):
    now = int(time.time())
    given = {"sub": SOMEBODY, "aud": "im2-notifications", "iat": now, "exp": now + 600} | claims
    return jwt.encode({name: value for name, value in given.items() if value is not None}, secret, algorithm="HS256")


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_needs_nothing(product, path):
    assert product.call("GET", path, token=None).status_code == 200


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_everything_else_needs_a_token_that_works(product, method, path):
    for given in (None, "x", "im2n_key_0190_0000", product.admin_key[:-1], product.admin_key + "0", forged("another")):
        answer = product.call(method, path, token=given)
        assert answer.status_code == 401, (given, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["status"] == 401


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Bearer", "Bearer  ", "Token {}"])
def test_only_the_bearer_scheme_counts(product, scheme):
    headers = {"Authorization": scheme.format(product.admin_key)}
    assert product.call("GET", "/history/u", token=None, headers=headers).status_code == 401


@pytest.mark.parametrize("call", CLOSED, ids=" ".join)
def test_a_key_opens_what_its_scope_says(product, keys, call):
    method, path = call
    for scope, key in keys.items():
        answer = product.call(method, path, token=key, json={} if method in {"POST", "PUT", "PATCH"} else None)
        allowed = scope == "admin" or scope in NEEDS[call]
        assert (answer.status_code != 403) == allowed, (scope, answer.text)
        assert answer.status_code not in {401, 500}


def test_a_user_sees_their_own_and_of_others_not_even_that_they_exist(product):
    for user in (SOMEBODY, SOMEBODY_ELSE):
        product.ended(product.submit("job.completed", {"job_id": user}, user))
    mine = token(product, SOMEBODY)
    own, others = (product.history(user)[0]["id"] for user in (SOMEBODY, SOMEBODY_ELSE))
    item = product.get(f"/inbox/{SOMEBODY_ELSE}")["items"][0]["id"]
    for path in (f"/history/{SOMEBODY}", f"/inbox/{SOMEBODY}", f"/preferences/{SOMEBODY}", f"/notifications/{own}"):
        assert product.call("GET", path, token=mine).status_code == 200, path
    missing = product.call("GET", "/notifications/ntf_01a20538-0000-7000-8000-000000000000", token=mine)
    foreign = [
        ("GET", f"/notifications/{others}", None),
        ("GET", f"/history/{SOMEBODY_ELSE}", None),
        ("GET", f"/inbox/{SOMEBODY_ELSE}", None),
        ("GET", f"/preferences/{SOMEBODY_ELSE}", None),
        ("PUT", f"/preferences/{SOMEBODY_ELSE}", {}),
        ("PATCH", f"/preferences/{SOMEBODY_ELSE}", {}),
        ("POST", f"/inbox/{SOMEBODY_ELSE}/read-all", None),
        ("PATCH", f"/inbox/{SOMEBODY_ELSE}/{item}", {"read": True}),
        ("PATCH", f"/inbox/{SOMEBODY}/{item}", {"read": True}),
    ]
    for method, path, body in foreign:
        answer = product.call(method, path, token=mine, json=body)
        assert (answer.status_code, answer.json()) == (404, missing.json()), path
    for method, path in (("POST", "/events"), ("POST", "/keys"), ("GET", "/preferences/_defaults")):
        assert product.call(method, path, token=mine, json={}).status_code == 403, path


def test_a_token_is_short_lived_and_for_this_service(product):
    claims = jwt.decode(token(product, SOMEBODY), SECRET_KEY, algorithms=["HS256"], audience="im2-notifications")
    assert claims["sub"] == SOMEBODY
    assert 890 <= claims["exp"] - time.time() <= 901
    assert product.call("GET", f"/history/{SOMEBODY}", token=forged()).status_code == 200
    now = int(time.time())
    none = jwt.encode({"sub": SOMEBODY, "aud": "im2-notifications", "exp": now + 600}, "", algorithm="none")
    for bad in (
        forged(exp=now - 1),
        forged(exp=None),
        forged(aud="other"),
        forged(aud=None),
        forged(sub=None),
        forged(sub=""),
        forged(nbf=now + 600),
        none,
    ):
        assert product.call("GET", f"/history/{SOMEBODY}", token=bad).status_code == 401, bad


def test_an_event_is_seen_by_the_key_that_submitted_it(product, keys):
    answer = product.call("POST", "/keys", json={"name": "another", "scopes": ["events:write"]})
    other = answer.json()["key"]
    event = {"type": "job.completed", "recipients": [SOMEBODY], "data": {"job_id": "whose"}}
    event_id = product.call("POST", "/events", token=keys["events:write"], json=event).json()["id"]
    assert product.call("GET", f"/events/{event_id}", token=keys["events:write"]).status_code == 200
    assert product.call("GET", f"/events/{event_id}", token=keys["admin"]).status_code == 200
    for method in ("GET", "DELETE"):
        assert product.call(method, f"/events/{event_id}", token=other).status_code == 404


def test_a_revoked_key_stops_working(product):
    made = product.call("POST", "/keys", json={"name": "short", "scopes": ["users:read"]}).json()
    assert product.call("GET", "/history/u", token=made["key"]).status_code == 200
    assert product.call("DELETE", f"/keys/{made['id']}").status_code == 204
    end = time.monotonic() + 5
    while product.call("GET", "/history/u", token=made["key"]).status_code != 401:
        assert time.monotonic() < end
    assert product.call("DELETE", f"/keys/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x"}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["everything"]}, "scopes"),
        ({"name": "", "scopes": ["admin"]}, "name"),
        ({"name": "x" * 256, "scopes": ["admin"]}, "name"),
        ({"name": "x", "scopes": ["admin"], "key": "mine"}, "key"),
    ],
)
def test_a_key_that_is_asked_for_wrongly_is_refused(product, body, field):
    answer = product.call("POST", "/keys", json=body)
    assert answer.status_code == 422
    assert field in answer.json()["errors"]["json"]
