"""A type of event that an operator adds by a file: delivered by the real product, and refused when the file is bad."""

import json
from pathlib import Path

from tests.fakes.receiver import Receiver
from tests.integration.product import Product, eventually, run
from tests.unit.test_event_file import GOOD

TYPE = "billing.overdue"
DATA = {"invoice": "INV-9", "amount": 99.5}


def test_it_goes_the_whole_way_and_outlives_its_file(tmp_path: Path, receiver: Receiver):
    product = Product(tmp_path, RELAY_TICK_SECONDS="0.5")
    product.data_dir.mkdir()
    file = product.data_dir / "events.toml"
    file.write_text(GOOD, "utf-8")
    with product:
        product.set_user(
            "ana", locale="de", contacts={"webhook": {"url": receiver.url("/ana")}, "email": "a@b.example"}
        )
        event = product.ended(product.submit(TYPE, DATA, "ana", channels=["inapp", "webhook"]))
        assert event["counts"] == {"delivered": 2}
        (told,) = eventually(
            lambda: [json.loads(one["body"]) for one in receiver.ledger.entries() if one["path"] == "/ana"]
        )
        assert (told["type"], told["data"]["title"]) == (TYPE, "Überfällige Rechnungen: INV-9")
        assert told["data"]["event"] == {**DATA, "days": 14}
        # By e-mail such events come once a day, as the file has it; this one is still held when the file is gone.
        held = product.submit(TYPE, DATA | {"invoice": "INV-10"}, "ana", channels=["email"])
        assert product.event(held)["counts"] == {"held": 1}
    file.unlink()
    with product:
        assert (
            product.call("POST", "/events", json={"type": TYPE, "recipients": ["ana"], "data": DATA}).status_code == 422
        )
        wishes = {"channels": {"email": True}, "daily_at": "08:00"}
        assert product.call("PATCH", "/preferences/ana", json=wishes).status_code == 200
        # What it goes by now is what most types go by: at once.
        ended = product.ended(held)
        assert ended["counts"] == {"delivered": 1}
        (row,) = ended["notifications"]
        content = product.call("GET", f"/notifications/{row['id']}").json()["content"]
        assert content["subject"] == f"{TYPE}: INV-10"
        assert product.metrics().sum("notifications_unaccounted") == 0


def test_a_bad_file_stops_the_start_and_every_fault_is_named(tmp_path: Path):
    (tmp_path / "events.toml").write_text(GOOD.replace('"high"', '"huge"').replace("minimum = 0", "least = 0"), "utf-8")
    done = run(DATA_DIR=str(tmp_path), FLOWER_PORT="0")
    assert done.returncode == 2
    assert [line.partition(": must")[0].partition(": is not")[0] for line in done.stderr.splitlines()] == [
        "events.toml: billing.overdue.data.amount.least",
        "events.toml: billing.overdue.severity",
    ]
