"""The operators' grip on the running product: pausing a channel, and metrics that Prometheus itself approves of."""

import os
import shutil
import subprocess

import pytest

from tests.fakes.ledger import Entry
from tests.fakes.receiver import Receiver
from tests.integration.product import Product, eventually


def test_a_pause_holds_what_is_due_and_its_end_sends_it_once(product: Product, receiver: Receiver):
    contact = {"webhook": {"url": receiver.url("/paused")}}
    assert product.call("PUT", "/preferences/u-paused", json={"contacts": contact}).status_code == 200
    assert product.call("POST", "/channels/webhook/pause").json()["paused"] is True
    try:
        # Workers learn of it within a second: what goes out before that proves nothing.
        number = 0

        def is_held() -> bool:
            nonlocal number
            number += 1
            event = product.submit("job.completed", {"job_id": f"j-{number}"}, "u-paused", channels=["webhook"])
            return eventually(lambda: _state(product, event) not in {("pending", None), ("sending", None)}) and (
                _state(product, event) == ("held", "paused")
            )

        eventually(is_held)
        sent = len(_arrived(receiver))
    finally:
        assert product.call("POST", "/channels/webhook/resume").json()["paused"] is False
    eventually(lambda: len(_arrived(receiver)) > sent)
    eventually(lambda: product.get("/notifications", user_id="u-paused", status="held")["items"] == [])
    keys = [entry["key"] for entry in _arrived(receiver)]
    assert len(keys) == len(set(keys))


def test_prometheus_has_nothing_to_complain_of(product: Product):
    if shutil.which("promtool") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no promtool: it comes with the package prometheus")
        pytest.skip("no promtool")
    text = product.call("GET", "/metrics", token=None).text
    done = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607 - wherever it is
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _state(product: Product, event_id: str) -> tuple[str, str | None]:
    (one,) = product.get(f"/events/{event_id}")["notifications"]
    return one["status"], one["reason"]


def _arrived(receiver: Receiver) -> list[Entry]:
    return [entry for entry in receiver.ledger.entries() if entry["path"] == "/paused"]
