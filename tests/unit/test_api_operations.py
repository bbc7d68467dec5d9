"""Health and metrics."""

import re
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain.events import EVENT_TYPES
from app.domain.notifications import OPEN, OUTCOMES, TERMINAL
from app.store import counters

EVENT = {"type": "job.failed", "recipients": ["u-17"], "data": {"job_id": "j-9", "error": "disk full"}}


def test_health_over_http(product):
    answer = product.call("GET", "/health", None)
    assert answer.status_code == 503, "nothing but the API runs here"
    assert answer.json["checks"]["database"]["status"] == "ok"
    assert answer.json["channels"]["email"] == "console"
    assert set(answer.json["checks"]) == {"database", "broker", "relay", "workers", "canary"}
    assert product.call("GET", "/health/live", None).status_code == 200


def scrape(product, query=""):
    answer = product.call("GET", f"/metrics{query}", None)
    assert answer.status_code == 200
    samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, key
            samples[key] = sample.value
    return answer.text, samples


def total(samples, name, **labels):
    wanted = set(labels.items())
    return sum(value for (found, its), value in samples.items() if found == name and wanted <= set(its))


def test_every_series_starts_at_zero(product):
    channels = list(product.services.channels)
    _, samples = scrape(product)
    assert not any(value for (name, _), value in samples.items() if name.startswith("notification"))
    count = Counter(name for name, _ in samples)
    cells = len(EVENT_TYPES) * len(channels)
    assert count["notifications_accepted_total"] == len(EVENT_TYPES)
    assert count["notifications_total"] == cells * 17
    assert count["notification_attempts_total"] == len(channels) * len(OUTCOMES)
    assert count["notification_delivery_seconds_count"] == cells
    assert count["notification_delivery_seconds_bucket"] == cells * (len(counters.DELIVERY_BUCKETS) + 1)
    assert count["notification_rate_limit_hits_total"] == len(channels)
    assert count["notification_duplicates_total"] == cells
    assert count["notification_messages_refused_total"] == len(counters.REFUSALS)
    assert count["notifications_open"] == len(OPEN)
    lanes = len(channels) + 2
    assert count["notifications_lane_open"] == lanes * len(OPEN)
    assert count["notifications_lane_oldest_open_seconds"] == lanes
    assert count["notifications_oldest_open_seconds"] == count["notifications_unaccounted"] == 1
    statuses = {dict(labels)["status"] for name, labels in samples if name == "notifications_total"}
    assert statuses == set(TERMINAL)


def test_each_metric_says_what_it_is(product):
    text, _ = scrape(product)
    helped = re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)
    typed = re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", text, re.MULTILINE)
    assert helped == typed
    assert len(set(helped)) == len(helped)
    names = {re.split(r"[ {]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    parts = ("", "_bucket", "_sum", "_count", "_created")
    assert names <= {name + part for name in helped for part in parts}


def test_what_is_open_and_what_ended_add_up(product):
    product.call("POST", "/events", json=EVENT)
    path = product.call("POST", "/events", json=EVENT).json["links"]["self"]
    product.call("DELETE", path)
    product.clock.advance(seconds=30)
    _, samples = scrape(product)
    assert total(samples, "notifications_accepted_total", type="job.failed") == 2
    assert total(samples, "notifications_open", status="pending") == 1
    assert total(samples, "notifications_total", status="cancelled", reason="requested", channel="inapp") == 1
    assert total(samples, "notifications_oldest_open_seconds") == 30
    assert total(samples, "notifications_unaccounted") == 0


def test_delivery_times_are_a_cumulative_histogram(product):
    tally = counters.Tally()
    labels = {"type": "job.failed", "channel": "email"}
    for seconds in (0.004, 0.02, 0.02, 40.0, 10**6):
        tally.observe_seconds(seconds, labels)
    with product.services.database.write() as conn:
        tally.save(conn, "worker-1")
        tally.save(conn, "worker-2")
    _, samples = scrape(product)
    bucket = {
        le: total(samples, "notification_delivery_seconds_bucket", le=le, **labels)
        for le in ("0.01", "0.025", "30", "30.0", "60", "60.0", "+Inf")
    }
    assert (bucket["0.01"], bucket["0.025"], bucket["+Inf"]) == (2, 6, 10)
    assert (bucket["30"] + bucket["30.0"], bucket["60"] + bucket["60.0"]) == (6, 8)
    assert total(samples, "notification_delivery_seconds_count", **labels) == 10
    assert total(samples, "notification_delivery_seconds_sum", **labels) == pytest.approx(2 * 1000040.044)


def test_requests_are_counted_by_route_and_never_by_path(product):
    for user_id in ("u-1", "u-2"):
        product.call("GET", f"/inbox/{user_id}")
        product.call("GET", f"/{user_id}")
        product.call(user_id.upper(), "/events")
    text, samples = scrape(product, "?name[]=x&name[]=%00")
    assert "u-1" not in text
    assert "U-1" not in text
    requests = "flask_http_request_duration_seconds_count"
    assert total(samples, requests, rule="/inbox/<string:user_id>", status="200") == 2
    assert total(samples, requests, rule="none", status="404") == 2


def test_openmetrics_is_spoken_too(product):
    answer = product.call("GET", "/metrics", None, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
