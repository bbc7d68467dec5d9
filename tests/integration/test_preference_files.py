"""Preferences that are written to a file and read from one while the service runs, and on another installation."""

import json
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from tests.fakes.ledger import Entry
from tests.fakes.receiver import Receiver
from tests.integration.product import Product, eventually, run

ANA, BEN = "ana", "ben"


def entries(file: Path) -> dict[str, dict[str, Any]]:
    return {entry["user_id"]: entry for entry in map(json.loads, file.read_text().splitlines())}


def arrived(receiver: Receiver, path: str, type_: str) -> Entry:
    def found() -> list[Entry]:
        return [
            one for one in receiver.ledger.entries() if one["path"] == path and json.loads(one["body"])["type"] == type_
        ]

    return eventually(found)[0]


def test_a_file_of_preferences_acts_here_and_on_another_installation(tmp_path: Path, receiver: Receiver):
    here, moving = tmp_path / "here.jsonl", tmp_path / "moving.jsonl"
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    with Product(tmp_path / "old", RELAY_TICK_SECONDS="0.5") as old:
        shown = old.set_user(
            ANA,
            contacts={"webhook": {"url": receiver.url("/ana")}},
            events={"job.completed": {"webhook": "daily"}},
        )
        secret = shown["contacts"]["webhook"]["secret"]
        token = old.call("POST", f"/users/{BEN}/token").json()["token"]
        unverified = {"contacts": {"email": "ben@b.example"}}
        assert old.call("PUT", f"/preferences/{BEN}", token=token, json=unverified).status_code == 200
        event = old.submit("job.completed", {"job_id": "j-1"}, ANA, channels=["webhook"])
        assert old.event(event)["counts"] == {"held": 1}

        assert run("preferences", "export", str(here), **old.settings).returncode == 0
        changed = entries(here)
        changed[ANA]["events"]["job.completed"]["webhook"] = "instant"
        here.write_text("".join(json.dumps(entry) + "\n" for entry in changed.values()))
        done = run("preferences", "import", str(here), **old.settings)
        assert (done.returncode, done.stderr) == (0, "")
        # What was held for the old wish goes by the new one.
        assert old.ended(event)["counts"] == {"delivered": 1}
        assert old.get("/audit", action="preferences.import")["items"][0]["object"] == f"user:{ANA}"

        done = run("preferences", "export", "--with-secrets", str(moving), **old.settings)
        assert (done.returncode, secret in done.stdout + done.stderr, secret in old.log()) == (0, False, False)
    with Product(tmp_path / "new", SECRET_KEY="another secret key, as long as it has to be") as new:
        done = run("preferences", "import", str(moving), **new.settings)
        assert (done.returncode, done.stderr) == (0, "")
        email = new.get(f"/preferences/{BEN}")["contacts"]["email"]
        assert email == {"address": "ben@b.example", "verified": False}
        new.submit("job.failed", {"job_id": "j-2", "error": "disk full"}, ANA)
        entry = arrived(receiver, "/ana", "job.failed")
        headers = {name: entry["headers"][name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        Webhook(secret).verify(entry["body"].encode(), headers)  # raises if not
        assert new.metrics().sum("notifications_unaccounted") == 0
