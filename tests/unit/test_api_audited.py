"""Who changes something is on record: every route that does leaves an entry with the actor's name."""

import pytest

from tests.fakes.product import Product
from tests.unit.test_api_access import ADMIN_KEY, ROWS, path_of

CHANGES = [route for route in ROWS if route.split()[0] != "GET"]
NOT_ON_RECORD = {
    "POST /events/explain": "changes nothing",
    "POST /templates/preview": "changes nothing",
    "PATCH /inbox/<user_id>/<item_id>": "what people have read is theirs",
    "POST /inbox/<user_id>/read-all": "what people have read is theirs",
    "DELETE /ui/session": "forgets what only the browser knew",
    "POST /inbox/<user_id>/ticket": "opens for a minute what its holder may read anyway",
}
# So that there is something to change or to send again.
BODIES = {"POST /notifications/replay": {"status": "cancelled", "user_id": "u-me"}}


def told_of(product: Product, actor: str) -> int:
    return len(product.call("GET", f"/audit?actor={actor}&limit=200").json["items"])


def actor_of(rule: str, path: str) -> str:
    if rule.startswith("/ui/verify/"):
        # Whoever follows the link is known by the mail that it was in.
        return f"link:{path.rpartition('/')[2].partition('.')[0]}"
    return "link:unsubscribe" if rule.startswith("/unsubscribe/") else "key:admin"


@pytest.mark.parametrize("route", CHANGES)
def test_a_change_is_on_record(product, route):
    method, rule = route.split()
    path = path_of(rule, product, ADMIN_KEY)
    if route in BODIES:
        event_id = product.call("POST", "/events", json=ROWS["POST /events"].body).json["id"]
        product.call("DELETE", f"/events/{event_id}")
    if rule.endswith("/resume"):
        product.call("POST", path.replace("resume", "pause"))
    actor = actor_of(rule, path)
    before = told_of(product, actor)
    body = BODIES.get(route, ROWS[route].body)
    answer = product.call(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code < 300, answer.json
    assert (told_of(product, actor) > before) is (route not in NOT_ON_RECORD)
