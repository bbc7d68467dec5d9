"""The numbers that operators watch, summed up."""

from app.domain.notifications import OPEN, REASONS, TERMINAL
from app.store import counters
from channels.registry import channel_names

EVENT = {"type": "job.failed", "recipients": ["u-17"], "data": {"job_id": "j-9", "error": "disk full"}}
URGENT = EVENT | {"priority": "critical", "data": {"job_id": "j-10", "error": "disk full"}}


def ask(product):
    answer = product.call("GET", "/metrics/summary")
    assert answer.status_code == 200
    return answer


def by_name(items):
    return {item["name"]: item for item in items}


def test_it_is_a_small_part_of_all_metrics_and_whole_from_the_start(product):
    answer = ask(product)
    assert len(answer.data) < 10_000 < len(product.call("GET", "/metrics", None).data)
    said = answer.json
    assert said["at"].endswith("Z")
    assert said["ended"] == dict.fromkeys(TERMINAL, 0)
    assert said["failed"] == dict.fromkeys(REASONS["failed"], 0)
    assert said["open"] == dict.fromkeys(OPEN, 0)
    assert said["accepted"] == said["unaccounted"] == said["oldest_open_seconds"] == 0
    assert [lane["name"] for lane in said["lanes"]] == ["critical", *channel_names(), "bulk"]
    assert [channel["name"] for channel in said["channels"]] == list(channel_names())
    assert {channel["average_seconds"] for channel in said["channels"]} == {None}


def test_what_waits_is_told_by_lane_and_by_channel(product):
    product.call("POST", "/events", json=EVENT)
    product.clock.advance(seconds=20)
    product.call("POST", "/events", json=URGENT)
    product.clock.advance(seconds=10)
    said = ask(product).json
    lanes = by_name(said["lanes"])
    assert (lanes["inapp"]["open"]["pending"], lanes["inapp"]["oldest_open_seconds"]) == (1, 30)
    assert (lanes["critical"]["open"]["pending"], lanes["critical"]["oldest_open_seconds"]) == (1, 10)
    assert lanes["bulk"]["open"] == lanes["email"]["open"] == dict.fromkeys(OPEN, 0)
    inapp = by_name(said["channels"])["inapp"]
    assert (inapp["accepted"], inapp["open"]["pending"], inapp["oldest_open_seconds"]) == (2, 2, 30)
    assert (said["accepted"], said["open"]["pending"], said["oldest_open_seconds"]) == (2, 2, 30)


def test_what_ended_is_told_by_reason_and_channel_and_adds_up(product):
    path = product.call("POST", "/events", json=EVENT).json["links"]["self"]
    product.call("DELETE", path)
    labels = {"type": "job.failed", "channel": "email"}
    tally = counters.Tally()
    for status, reason in (("delivered", None), ("delivered", None), ("failed", "rejected")):
        tally.ended(type_="job.failed", channel="email", status=status, reason=reason)
    tally.add(counters.ACCEPTED, {"type": "job.failed"}, 3)
    for seconds in (1.0, 3.0):
        tally.observe_seconds(seconds, labels)
    with product.services.database.write() as conn:
        tally.save(conn, "worker-1")
    said = ask(product).json
    email = by_name(said["channels"])["email"]
    assert (email["accepted"], email["delivered"], email["average_seconds"]) == (3, 2, 2.0)
    assert email["failed"] == said["failed"] == {**dict.fromkeys(REASONS["failed"], 0), "rejected": 1}
    assert (said["ended"]["delivered"], said["ended"]["cancelled"], said["unaccounted"]) == (2, 1, 0)
