"""SECRET_KEY is changed under a product that is in use; its receivers and users notice nothing but a new token."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests.fakes.ledger import Entry
from tests.fakes.receiver import Receiver
from tests.integration.product import Product, eventually, run
from tests.integration.servers import postgres_url

FIRST, LAST = "rotated-000", "rotated-209"
MANY = 210
"""More than are re-encrypted in one transaction."""
QUICK = {"RELAY_TICK_SECONDS": "0.5", "RELAY_GRACE_SECONDS": "1"}


def path_of(user: str) -> str:
    return f"/rotation/{user}"


def signed_for(product: Product, receiver: Receiver, user: str, secret: str, event_id: str) -> bool:
    """Whether the user's webhook got the event, signed with this secret."""
    notification = product.notification(event_id, "webhook")["id"]

    def arrived() -> list[Entry]:
        return [one for one in receiver.ledger.entries() if (one["path"], one["key"]) == (path_of(user), notification)]

    (entry,) = eventually(arrived, seconds=90)
    headers = {name: entry["headers"][name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    Webhook(secret).verify(entry["body"].encode(), headers)  # raises if not
    return True


def meet(product: Product, receiver: Receiver, user: str) -> str:
    """Give the user a webhook; its signing secret."""
    shown = product.set_user(user, contacts={"webhook": {"url": receiver.url(path_of(user))}})
    return str(shown["contacts"]["webhook"]["secret"])


def tell(product: Product, user: str, job: str) -> str:
    return product.submit("job.completed", {"job_id": job}, user, channels=["webhook"])


@pytest.fixture
def failpoints(tmp_path: Path) -> Path:
    folder = tmp_path / "failpoints"
    folder.mkdir()
    return folder


def test_a_key_that_is_kept_is_rotated_under_load_and_killed_on_the_way(
    tmp_path: Path, failpoints: Path, receiver: Receiver
):
    with Product(tmp_path, SECRET_KEY="", **QUICK) as product:
        secrets = {user: meet(product, receiver, user) for user in (f"rotated-{n:03}" for n in range(MANY))}
        token = product.call("POST", f"/users/{FIRST}/token").json()["token"]
        old = (product.data_dir / "secret.key").read_text().strip()
        assert signed_for(product, receiver, FIRST, secrets[FIRST], tell(product, FIRST, "before"))

        (failpoints / "after_reseal.1").touch()
        killed = run("keys", "rotate-secret", **product.settings, FAILPOINT_DIR=str(failpoints))
        assert killed.returncode == -9, killed.stderr

        # The product still runs with the old key: what it can't read waits, and nothing gets stored with that key.
        events = {user: tell(product, user, "meanwhile") for user in (FIRST, LAST)}
        assert signed_for(product, receiver, LAST, secrets[LAST], events[LAST])
        refused = product.call("PUT", "/preferences/new", json={"contacts": {"webhook": {"url": receiver.url("/n")}}})
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        assert product.get("/preferences/new")["contacts"] == {}

        done = run("keys", "rotate-secret", **product.settings)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("10 secrets were re-encrypted")
        assert old not in done.stdout
        assert (product.data_dir / "secret.key").read_text().strip() not in done.stdout
        assert product.event(events[FIRST])["counts"].keys() <= {"pending", "retrying"}

        product.stop()
        wrong = run(**product.settings | {"SECRET_KEY": old})
        assert wrong.returncode == 1
        assert "SECRET_KEY: " in wrong.stdout + wrong.stderr
        product.start()

        assert product.call("GET", f"/history/{FIRST}", token=token).status_code == 401
        for user in (FIRST, LAST):
            assert product.ended(events[user])["counts"] == {"delivered": 1}
            assert signed_for(product, receiver, user, secrets[user], events[user])
            assert signed_for(product, receiver, user, secrets[user], tell(product, user, "after"))
        assert product.metrics().sum("notifications_unaccounted") == 0
        actions = {entry["action"] for entry in product.get("/audit", object="secret_key")["items"]}
        assert actions == {"secret_key.rotate", "secret_key.rotated"}
        assert run("audit", "verify", **product.settings).returncode == 0


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Product]:
    """A product on PostgreSQL, with its key in the environment."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_url())
        yield stack.enter_context(Product(tmp_path, DATABASE_URL=url, **QUICK))


def test_a_key_from_the_environment_is_rotated_without_a_pause(elsewhere: Product, receiver: Receiver, tmp_path: Path):
    product, new = elsewhere, tmp_path / "new.key"
    secret = meet(product, receiver, FIRST)
    assert run("keys", "rotate-secret", **product.settings).returncode == 2
    prepared = run("keys", "rotate-secret", "--prepare", "--new-key-file", str(new), **product.settings)
    assert (prepared.returncode, prepared.stderr) == (0, "")
    # With the old key everything goes on as before, and may even be started again.
    late = meet(product, receiver, LAST)
    product.stop()
    product.start()
    assert signed_for(product, receiver, FIRST, secret, tell(product, FIRST, "prepared"))

    product.stop()
    product.settings["SECRET_KEY"] = new.read_text().strip()
    product.start()
    for user, kept in ((FIRST, secret), (LAST, late)):
        assert signed_for(product, receiver, user, kept, tell(product, user, "with the new key"))
    finished = run("keys", "rotate-secret", **product.settings)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("2 secrets were re-encrypted")
    for user, kept in ((FIRST, secret), (LAST, late)):
        assert signed_for(product, receiver, user, kept, tell(product, user, "finished"))
    assert not (product.data_dir / "secret.key").exists()
