"""What every answer has in common: its headers, and its shape when something is wrong."""

import io
import logging
import re

import pytest
from gunicorn.http.errors import InvalidChunkSize

from tests.fakes.product import build_product

ERRORS = [
    ("GET", "/nothing", 404),
    ("PATCH", "/events", 405),
    ("GET", "/events/x", 404),
    ("POST", "/events", 415),
    ("GET", "/history/u-1?limit=x", 422),
]


@pytest.fixture
def product(shared_product):
    return shared_product


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
def test_an_error_is_a_problem(product, method, path, status):
    answer = product.call(method, path)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert {"type", "title", "status", "detail"} <= set(answer.json)
    assert answer.json["status"] == status


def test_a_wrong_method_tells_the_right_ones(product):
    assert set(product.call("PATCH", "/events").headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_made_up_method_is_an_error_like_any_other(product):
    answer = product.call("BREW", "/events")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")


def test_a_crash_shows_a_number_that_is_in_the_log_and_nothing_else(product, monkeypatch, caplog):
    def crash(*_args, **_kwargs):
        raise RuntimeError("the secret of u-17")

    monkeypatch.setattr(type(product.services.intake), "submit", crash)
    with caplog.at_level(logging.ERROR):
        answer = product.call("POST", "/events", json={})
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert_guarded(answer.headers)
    number = answer.json["instance"].removeprefix("urn:error:")
    assert any(getattr(record, "error_id", None) == number and record.exc_info for record in caplog.records)


def assert_guarded(headers):
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("path", ["/health", "/metrics", "/nothing", "/openapi.json", "/events/x"])
@pytest.mark.parametrize("token", [None, "operators-own-key"])
def test_every_answer_has_the_headers(product, path, token):
    headers = product.call("GET", path, token).headers
    assert_guarded(headers)
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("token", [None, "operators-own-key"])
def test_whatever_the_route_and_the_method(product, token):
    for rule in product.app.url_map.iter_rules():
        path = re.sub("<[^>]+>", "u-1", rule.rule)
        for method in (*sorted(rule.methods or ()), "TRACE"):
            assert_guarded(product.call(method, path, token).headers)


def test_a_body_that_is_not_chunked_as_it_should_be_is_the_clients_fault(product):
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _buffer):
            raise InvalidChunkSize(b"zz")

    environ = {"wsgi.input": Broken(), "wsgi.input_terminated": True}
    answer = product.call("POST", "/events", content_type="application/json", environ_overrides=environ)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def test_hsts_is_for_those_who_serve_https(tmp_path, migrated):
    product = build_product(tmp_path, migrated, {"PUBLIC_URL": "https://im2.example"})
    assert product.call("GET", "/nothing").headers["Strict-Transport-Security"] == "max-age=31536000"
    product.services.close()


def test_the_api_describes_itself(product):
    spec = product.call("GET", "/openapi.json", None).json
    assert spec["openapi"] == "3.1.0"
    described = {path: set(methods) for path, methods in spec["paths"].items()}
    assert described["/events/{event_id}"] >= {"get", "delete"}
    assert all(
        operation.get("summary") and operation["responses"]
        for methods in spec["paths"].values()
        for method, operation in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    )


@pytest.mark.parametrize(
    "path",
    ["/history/u-1?type=%00", "/history/u-1?cursor=%00", "/inbox/u-1?state=%ff", "/history/u-1?x=%00"],
)
def test_odd_queries_are_the_clients_fault(product, path):
    assert product.call("GET", path).status_code == 422
