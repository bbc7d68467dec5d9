"""Asks the running product, operation by operation, whether it does what its own document says.

    python -m tests.openapi.run [options of `st run`: --seed N, --max-examples N, --include-path /events …]

What is sent follows from the document, from schemathesis.toml beside this file, and from the seed. A failure comes
with a curl line that shows it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.product import ROOT, Product, clean_environment

CONFIG = Path(__file__).with_name("schemathesis.toml")
USERS = ("fuzz-1", "fuzz-2")
FATAL = {"request_crashed", "component_died", "channel_failed"}
"""What must not be in its log afterwards."""


def main(options: Sequence[str]) -> int:
    """Start the product, put something into it, ask, and tell; 0 when all was as documented."""
    with tempfile.TemporaryDirectory() as name, Product(Path(name)) as product:
        folder = Path(name)
        (folder / "schemathesis.toml").write_text(CONFIG.read_text() + _dictionaries(_furnish(product)))
        _ask(product, folder, options)
        cases = json.loads((folder / "report.json").read_text())
        faults = [*cases["failures"], *cases["errors"], *_traces(product)]
        generated, bad = cases["test_cases"]["generated"], cases["test_cases"]["with_failures"]
    told = [
        *(f"! {fault}" for fault in faults),
        f"schemathesis: {generated - bad} passed, {max(bad, len(faults))} failed",
    ]
    sys.stdout.write("\n".join(["", *told, ""]))
    return 1 if faults or not generated else 0


def _ask(product: Product, folder: Path, options: Sequence[str]) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
            *("run", f"{product.url}/openapi.json", "--header", f"Authorization: Bearer {product.admin_key}"),
            *("--report-json-path", str(folder / "report.json"), *options),
        ],
        cwd=ROOT,
        env=clean_environment(),
        check=False,
    )


def _furnish(product: Product) -> Mapping[str, Sequence[str]]:
    """Put things into it that can be asked for, and answer what they are called."""
    for user in USERS:
        contacts = {"email": f"{user}@x.example", "webhook": {"url": "http://127.0.0.1:9/hook"}}
        product.set_user(user, contacts=contacts, channels={"webhook": False})
    data = {"error": "disk full"}
    sent = [product.submit("job.failed", {**data, "job_id": f"j-{number}"}, *USERS) for number in range(5)]
    later = [
        product.submit("job.failed", {**data, "job_id": f"l-{number}"}, *USERS, deliver_at="2100-01-01T00:00:00Z")
        for number in range(20)
    ]
    events = [*map(product.ended, sent), *map(product.event, later)]
    keys = [product.call("POST", "/keys", json={"name": "fuzz", "scopes": ["users:read"]}) for _ in range(5)]
    return {
        "users": USERS,
        "events": [event["id"] for event in events],
        "notifications": [one["id"] for event in events for one in event["notifications"]],
        "items": [item["id"] for user in USERS for item in product.get(f"/inbox/{user}")["items"]],
        "keys": [key.json()["id"] for key in keys],
    }


def _dictionaries(names: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"\n[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in names.items())


def _traces(product: Product) -> list[str]:
    """What all of it has left behind that it should not have."""
    lost = product.metrics().sum("notifications_unaccounted")
    said = [line["message"] for line in product.lines() if line.get("message") in FATAL]
    return ([f"{lost:g} notifications are unaccounted for"] if lost else []) + said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
