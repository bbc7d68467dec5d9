"""Who gets in where: one row for every route, and a route without a row fails."""

from dataclasses import dataclass
from typing import Any

import pytest

from channels.base import Message
from tests.fakes.product import ADMIN_KEY, Product, build_product

ME, SOMEBODY_ELSE = "u-me", "u-else"
EVENT = {"type": "job.failed", "recipients": [ME], "data": {"job_id": "j-9", "error": "disk full"}}
OPEN = "open"
ANYBODY = "anybody with a key or a token"
SCOPES = ("events:write", "users:read", "users:write")


@dataclass(frozen=True)
class Row:
    """What a route asks for: a scope, whether the user themselves get in, whether only the submitter's key does."""

    needs: str
    users: bool = False
    own: bool = False
    body: Any = None


ROWS = {
    "GET /openapi.json": Row(OPEN),
    "GET /docs": Row(OPEN),
    "GET /docs/<name>": Row(OPEN),
    "GET /static/<path:filename>": Row(OPEN),
    "GET /ui/verify/<token>": Row(OPEN),
    "POST /ui/verify/<token>": Row(OPEN),
    "GET /unsubscribe/<token>": Row(OPEN),
    "POST /unsubscribe/<token>": Row(OPEN),
    "GET /ui/": Row(OPEN),
    "GET /ui/inbox": Row(OPEN),
    "GET /ui/preferences": Row(OPEN),
    "GET /ui/history": Row(OPEN),
    "GET /ui/ops": Row(OPEN),
    "GET /ui/demo": Row(OPEN),
    "GET /ui/words/inbox/<locale>.json": Row(OPEN),
    "POST /ui/session": Row(OPEN, body={"token": ADMIN_KEY}),
    "GET /ui/session": Row(ANYBODY),
    "DELETE /ui/session": Row(ANYBODY),
    "GET /health": Row(OPEN),
    "GET /health/live": Row(OPEN),
    "GET /metrics": Row(OPEN),
    "GET /metrics/summary": Row("admin"),
    "POST /events": Row("events:write", body=EVENT),
    "POST /events/batch": Row("events:write", body={"events": [EVENT]}),
    "POST /events/explain": Row("events:write", body=EVENT),
    "GET /events/<event_id>": Row("events:write", own=True),
    "DELETE /events/<event_id>": Row("events:write", own=True),
    "GET /notifications": Row("admin"),
    "POST /notifications/replay": Row("admin", body={"user_id": ME}),
    "GET /notifications/<notification_id>": Row("users:read", users=True),
    "DELETE /notifications/<notification_id>": Row("events:write", own=True),
    "GET /event-types": Row(ANYBODY),
    "POST /templates/preview": Row("admin", body={"type": "job.failed", "channel": "email"}),
    "GET /channels": Row("admin"),
    "POST /channels/<channel>/pause": Row("admin", body={"reason": "The relay moves."}),
    "POST /channels/<channel>/resume": Row("admin"),
    "GET /templates": Row("admin"),
    "GET /templates/<event_type>/<on>/<locale>": Row("admin"),
    "PUT /templates/<event_type>/<on>/<locale>": Row("admin", body={"subject.txt": "{{ data.job_id }} broke"}),
    "DELETE /templates/<event_type>/<on>/<locale>": Row("admin"),
    "GET /templates/<event_type>/<on>/<locale>/versions": Row("admin"),
    "POST /templates/<event_type>/<on>/<locale>/rollback": Row("admin", body={"version": 1}),
    "GET /templates/<event_type>/<on>/<locale>/diff": Row("admin"),
    "GET /audit": Row("admin"),
    "GET /preferences": Row("admin"),
    "POST /preferences": Row("admin", body={"preferences": [{"user_id": ME, "locale": "fr"}]}),
    "GET /preferences/<user_id>": Row("users:read", users=True),
    "PUT /preferences/<user_id>": Row("users:write", users=True, body={"locale": "de"}),
    "PATCH /preferences/<user_id>": Row("users:write", users=True, body={"locale": "de"}),
    "POST /preferences/<user_id>/webhook/rotate": Row("users:write", users=True),
    "POST /preferences/<user_id>/verify/<channel>": Row("users:write", users=True),
    "POST /preferences/<user_id>/test/<channel>": Row("users:write", users=True),
    "GET /preferences/_defaults": Row("admin"),
    "PUT /preferences/_defaults": Row("admin", body={"locale": "de"}),
    "PATCH /preferences/_defaults": Row("admin", body={"locale": "de"}),
    "GET /history/<user_id>": Row("users:read", users=True),
    "GET /inbox/<user_id>": Row("users:read", users=True),
    "GET /inbox/<user_id>/stream": Row("users:read", users=True),
    "POST /inbox/<user_id>/ticket": Row("users:read", users=True),
    "PATCH /inbox/<user_id>/<item_id>": Row("users:write", users=True, body={"read": True}),
    "POST /inbox/<user_id>/read-all": Row("users:write", users=True),
    "GET /keys": Row("admin"),
    "POST /keys": Row("admin", body={"name": "encoder", "scopes": ["events:write"]}),
    "DELETE /keys/<key_id>": Row("admin"),
    "POST /users/<user_id>/token": Row("users:write"),
    "DELETE /users/<user_id>": Row("admin"),
}


@pytest.fixture
def product(shared_product):
    return shared_product


def routes(product: Product) -> set[str]:
    return {
        f"{method} {rule.rule.replace('<string:', '<')}"
        for rule in product.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def other_scope(row: Row) -> str:
    return next(scope for scope in SCOPES if scope != row.needs)


def item(product: Product, event_id: str, notification_id: str) -> str:
    now = product.clock.now()
    product.services.inbox.put(
        [Message(notification_id, event_id, ME, "job.failed", "high", "j-9", None, None, "en", "t", "x", None, now, {})]
    )
    return str(product.call("GET", f"/inbox/{ME}").json["items"][0]["id"])


def path_of(rule: str, product: Product, submitter: str) -> str:
    """The rule with real things in it, all of them of the user ME."""
    if "<event_id>" in rule or "<notification_id>" in rule or "<item_id>" in rule:
        event_id = product.call("POST", "/events", submitter, json=EVENT).json["id"]
        notifications = product.call("GET", f"/events/{event_id}", submitter).json["notifications"]
        rule = rule.replace("<event_id>", event_id).replace("<notification_id>", notifications[0]["id"])
        if "<item_id>" in rule:
            rule = rule.replace("<item_id>", item(product, event_id, notifications[0]["id"]))
    if "/webhook/" in rule:
        product.call("PUT", f"/preferences/{ME}", json={"contacts": {"webhook": {"url": "https://example.com/hook"}}})
    if "/verify/" in rule:
        product.call("PUT", f"/preferences/{ME}", json={})
        rule = rule.replace("/ui/verify/<token>", product.asked(ME)).replace("<channel>", "email")
    if "/unsubscribe/" in rule:
        product.call("PATCH", f"/preferences/{ME}", json={"locale": "en"})
        rule = rule.replace("/unsubscribe/<token>", product.unsubscribing(ME, "quota.exceeded"))
    if "<key_id>" in rule:
        rule = rule.replace("<key_id>", product.services.identity.create_key("x", ["admin"], actor="test").id)
    if "<event_type>" in rule:
        rule = rule.replace("<event_type>", "job.failed").replace("<on>", "email").replace("<locale>", "de")
        for words in ("one", "two"):
            product.call("PUT", "/templates/job.failed/email/de", json={"subject.txt": words})
    files = {
        "/docs/<name>": "/docs/start.js",
        "/static/<path:filename>": "/static/ui/ui.css",
        "/ui/words/inbox/<locale>.json": "/ui/words/inbox/de.json",
    }
    rule = files.get(rule, rule)
    return rule.replace("<user_id>", ME).replace("<channel>", "inapp")


def test_every_route_has_a_row(product):
    assert routes(product) == set(ROWS)


@pytest.mark.parametrize("route", ROWS)
def test_access(product, route):
    row = ROWS[route]
    method, rule = route.split()
    submitter = product.key("events:write")
    right = [] if row.needs in (OPEN, ANYBODY, "admin") else [product.key(row.needs)]
    revoked = product.services.identity.create_key("gone", ["admin"], actor="test")
    product.services.identity.revoke_key(revoked.id, actor="test")

    def status(token: str | None) -> int:
        request = {} if row.body is None else {"json": row.body}
        with product.call(method, path_of(rule, product, submitter), token, **request) as answer:
            return answer.status_code

    strangers = {
        "no token": None,
        "garbled": "im2n_garbled",
        "not a token": "eyJhbGciOiJub25lIn0.e30.",
        "revoked": revoked.key,
        "wrong secret": submitter[:-4] + "0000",
        "another user": product.token(SOMEBODY_ELSE),
        "self": product.token(ME),
        "wrong scope": product.key(other_scope(row)),
        "another service": product.key(row.needs) if right else ADMIN_KEY,
        "service": submitter if row.own else (right[0] if right else ADMIN_KEY),
        "admin": ADMIN_KEY,
        "admin by scope": product.key("admin"),
    }
    got = {who: status(token) for who, token in strangers.items()}
    got = {who: "in" if code < 400 or (row.needs == OPEN and code == 503) else code for who, code in got.items()}

    expected: dict[str, str | int] = dict.fromkeys(strangers, "in")
    if row.needs != OPEN:
        expected |= dict.fromkeys(("no token", "garbled", "not a token", "revoked", "wrong secret"), 401)
    if row.needs not in (OPEN, ANYBODY):
        expected["wrong scope"] = 403
        expected["another user"] = 404 if row.users else 403
        expected["self"] = "in" if row.users else 403
        expected["another service"] = 404 if row.own else "in"
    assert got == expected


@pytest.mark.parametrize("route", [route for route, row in ROWS.items() if row.users and "<user_id>" in route])
@pytest.mark.parametrize("user_id", ["_reserved", "a b", "-dash", "u" * 129, "%00", "ü"])
def test_what_cannot_be_a_user_is_not_found(product, route, user_id):
    method, rule = route.split()
    path = path_of(rule, product, product.key("events:write")).replace(ME, user_id)
    request = {"json": ROWS[route].body} if ROWS[route].body else {}
    assert product.call(method, path, **request).status_code == 404


@pytest.mark.parametrize("route", [route for route, row in ROWS.items() if row.users or row.own])
def test_what_is_not_mine_looks_like_what_is_not_there(product, route):
    method, rule = route.split()
    row = ROWS[route]
    token = product.key("events:write") if row.own else product.token(SOMEBODY_ELSE)
    missing = rule
    for kind, prefix in (("event", "evt"), ("notification", "ntf"), ("item", "itm")):
        missing = missing.replace(f"<{kind}_id>", f"{prefix}_01a20320-a200-7000-9590-97e0d49e7844")
    missing = missing.replace("<user_id>", "u-nobody").replace("<channel>", "email")
    request = {"json": row.body} if row.body else {}
    mine_not = product.call(method, path_of(rule, product, product.key("events:write")), token, **request)
    not_there = product.call(method, missing, token, **request)
    assert (mine_not.status_code, mine_not.data) == (not_there.status_code, not_there.data)
    assert mine_not.status_code == 404


def test_unknown_paths_and_methods_need_no_token(product):
    assert product.call("GET", "/nothing", None).status_code == 404
    assert product.call("PUT", "/events", None).status_code == 405


def test_options_need_a_token_and_then_answer(product):
    assert product.call("OPTIONS", "/events", None).status_code == 401
    assert product.call("OPTIONS", "/events").status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", ADMIN_KEY, f"Bearer {ADMIN_KEY}x", "Bearer ü"]
)
def test_other_authorization_is_refused(product, header):
    answer = product.client.get("/events/x", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_view_that_asks_nobody_gives_nothing_away(tmp_path, migrated):
    product = build_product(tmp_path, migrated)
    product.app.add_url_rule("/forgotten", view_func=lambda: "secret")
    answer = product.call("GET", "/forgotten")
    assert answer.status_code == 500
    assert b"secret" not in answer.data
    product.services.close()
