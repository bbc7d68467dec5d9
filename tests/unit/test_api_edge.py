"""How often somebody may ask, and from which pages."""

import pytest

from tests.fakes.product import build_product

ORIGIN = "https://app.example.com"
EVENT = {"type": "job.completed", "recipients": ["u-1"], "data": {"job_id": "j-1"}}


@pytest.fixture
def limited(tmp_path, migrated):
    product = build_product(tmp_path, migrated, {"API_RATE_LIMIT": "3/hour"})
    yield product
    product.services.close()


def statuses(product, token, times=4):
    return [product.call("POST", "/events", token, json=EVENT).status_code for _ in range(times)]


def test_above_the_limit_the_answer_is_429_and_says_how_long(limited):
    key = limited.key("events:write")
    assert statuses(limited, key) == [202, 202, 202, 429]
    answer = limited.call("POST", "/events", key, json=EVENT)
    assert answer.mimetype == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 2 * 3600


def test_each_key_and_each_user_has_a_limit_of_their_own(limited):
    first, second = limited.key("events:write"), limited.key("events:write")
    assert statuses(limited, first)[-1] == 429
    assert statuses(limited, second, 1) == [202]
    assert limited.call("GET", "/inbox/u-1", limited.token("u-1")).status_code == 200


def test_open_routes_and_strangers_are_not_counted(limited):
    assert {limited.client.get("/health/live").status_code for _ in range(5)} == {200}
    assert {limited.call("GET", "/inbox/u-1", "nobody").status_code for _ in range(5)} == {401}


@pytest.fixture
def embedded(tmp_path, migrated):
    product = build_product(tmp_path, migrated, {"CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000"})
    yield product
    product.services.close()


def preflight(product, origin):
    asks = {"Origin": origin, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    return product.client.options("/preferences/u-1", headers=asks)


def test_a_page_that_is_listed_is_let_in(embedded):
    asked = preflight(embedded, ORIGIN)
    # A browser sends no token with this question, and goes on only after a 2xx.
    assert asked.status_code == 200
    headers = asked.headers
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "PATCH" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Headers"].lower() == "if-match"
    answer = embedded.call("GET", "/preferences/u-1", headers={"Origin": ORIGIN})
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null", "http://app.example.com"])
def test_other_pages_are_not(embedded, origin):
    assert "Access-Control-Allow-Origin" not in preflight(embedded, origin).headers


def test_errors_can_be_read_by_the_page_too(embedded):
    answer = embedded.call("GET", "/preferences/u-1", None, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)


def test_by_default_no_page_is_let_in(product):
    assert "Access-Control-Allow-Origin" not in preflight(product, ORIGIN).headers
