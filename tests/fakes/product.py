"""The whole product in one process, over a fresh SQLite file and without a broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.bootstrap import Services, build_services
from app.config import Settings
from app.factory import create_app
from app.rendering.links import UNSUBSCRIBE_PATH, VERIFY_PATH
from app.services.unsubscribe_links import Subscription, UnsubscribeLinks
from app.services.verify_links import VerifyLinks
from app.store.secretbox import SecretBox
from channels.base import Contact
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import RecordingPublisher

ADMIN_KEY = "operators-own-key"
SECRET_KEY = "a secret key for tests, long enough"
NOWHERE = "redis://127.0.0.1:1/0"


@dataclass(frozen=True)
class Product:
    """The application and what is behind it."""

    app: Flask
    services: Services
    publisher: RecordingPublisher
    clock: FakeClock
    client: FlaskClient

    def call(self, method: str, path: str, token: str | None = ADMIN_KEY, **request: Any) -> TestResponse:
        """Send a request with a token; by default the admin's."""
        headers = dict(request.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.client.open(path, method=method, headers=headers, **request)

    def key(self, *scopes: str) -> str:
        """A new service key."""
        return self.services.identity.create_key("test", scopes, actor="test").key

    def token(self, user_id: str) -> str:
        """A token of a user."""
        return self.services.identity.issue_user_token(user_id, actor="test")[0]

    def asked(self, user_id: str, address: str = "ana@b.example") -> str:
        """Let a user enter an address; the path of the link in the mail that is to go there."""
        document = {"contacts": {"email": address}}
        assert self.call("PATCH", f"/preferences/{user_id}", self.token(user_id), json=document).status_code == 200
        query = f"/notifications?type=verification&user_id={user_id}&limit=1"
        (mail,) = self.call("GET", query).json["items"]
        return VERIFY_PATH + VerifyLinks(SECRET_KEY).token(mail["id"], user_id, Contact({"address": address}))

    def unsubscribing(self, user_id: str, type_: str = "job.failed", channel: str = "email") -> str:
        """The path of the link in a mail of that type to the user."""
        links = UnsubscribeLinks(self.services.database, SecretBox(SECRET_KEY), self.services.settings.public_url)
        links.prepare()
        return UNSUBSCRIBE_PATH + links.token(Subscription(user_id, channel, type_))


def build_product(directory: Path, migrated: bytes | None, environ: Mapping[str, str] | None = None) -> Product:
    """Put it together over a copy of a migrated database, or the one that the environment names."""
    if migrated is not None:
        (directory / "notifications.db").write_bytes(migrated)
    settings = Settings.load(
        {
            "DATA_DIR": str(directory),
            "REDIS_URL": NOWHERE,
            "SECRET_KEY": SECRET_KEY,
            "ADMIN_API_KEY": ADMIN_KEY,
            "API_RATE_LIMIT": "none",
            **(environ or {}),
        }
    )
    clock, publisher = FakeClock(), RecordingPublisher()
    services = build_services(settings, publisher, clock=clock)
    app = create_app(services)
    return Product(app, services, publisher, clock, app.test_client(use_cookies=False))
