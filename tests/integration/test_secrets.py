"""What was planted as a secret, or belongs to a person, is looked for everywhere it must not be."""

import base64
import json
import re
import threading
from urllib.parse import urlsplit

import pytest
import requests
from redis import Redis

from tests.fakes.mailbox import Say
from tests.fakes.ports import free_port
from tests.fakes.receiver import Answer
from tests.integration.conftest import FLOWER_LOGIN, MAIL_LOGIN, SECRET_KEY, on_its_own
from tests.integration.product import eventually
from tests.integration.story import broker_url, parsed

# The servers of the other places are shared, and have no password that could be looked for.
pytestmark = on_its_own
HEADER = "canary-header-5f0e31"
ROUTING_KEY = "canary00routing00key00a91c3344ef"
GENIE_KEY = "canary-genie-key-4b77d0"
PERSON = "canary-person@secrets.example"
WORDS = "canary-words-81c2"
WEBHOOK_TOKEN = "canary-path-c41f09"
SLACK_TOKEN = "canaryslack4e1b77"
DISCORD_TOKEN = "canary-discord-03ad9c"
USER, REFUSED, LOST = "secretive", "secretive-refused", "secretive-lost"
ALERTS = (("/pagerduty/v2/enqueue", ROUTING_KEY), ("/opsgenie/v2/alerts", GENIE_KEY))


class Played:
    """Deliveries that went well and deliveries that went wrong, with receivers that repeat what they were told.

    One user's receivers have an error and then take it; another's refuse for good; the third's hang up, do not answer
    in time, or are not there.
    """

    def __init__(self, product, receiver, mailbox, alerting):
        self.product, self._receiver = product, receiver
        self._mailbox, self._alerting = mailbox, alerting
        self.webhook_secrets = {user: self._introduce(user) for user in (USER, REFUSED, LOST)}
        self.webhook_secret = self.webhook_secrets[USER]
        self.user_token = product.call("POST", f"/users/{USER}/token").json()["token"]
        self.service_key = product.call("POST", "/keys", json={"name": "k", "scopes": ["users:read"]}).json()["key"]
        with _Monitor(broker_url(product)) as monitor:
            self._fail(500, "451 4.7.1", times=1)
            self.ended = self._told(USER)
            self._fail(404, "550 5.1.1")
            self.refused = self._told(REFUSED)
            self._lose()
            self.lost = self._told(LOST)
            self.ticket, self.verification = self._use_links()
        self.commands = monitor.text()
        (mail,) = (one for one in mailbox.ledger.entries() if f"{USER}-{PERSON}" in one["to"])
        self.unsubscribe_link = str(parsed(mail["content"])["List-Unsubscribe"]).strip("<>")
        for method in ("GET", "POST"):
            assert product.call(method, urlsplit(self.unsubscribe_link).path, token=None).status_code == 200
        product.call("GET", f"/history/{USER}", token=self.user_token)
        product.call("GET", f"/history/{USER}?token={self.service_key}", token=self.service_key)
        product.call("GET", f"/history/{self.service_key}")
        product.call("PUT", f"/preferences/{USER}", json={"contacts": {"webhook": {"url": f"http://{HEADER}@x/"}}})

    def _paths(self, user):
        number = (USER, REFUSED, LOST).index(user)
        return {
            "webhook": f"/{user}/{WEBHOOK_TOKEN}",
            "slack": f"/services/T0CANARY/B{number}CANARY/{SLACK_TOKEN}",
            "discord": f"/api/v10/webhooks/10000000000000004{number}/{DISCORD_TOKEN}",
        }

    def _introduce(self, user):
        contacts = {channel: {"url": self._receiver.url(path)} for channel, path in self._paths(user).items()}
        contacts["webhook"]["headers"] = {"Authorization": f"Bearer {HEADER}", "X-Token": HEADER}
        if user == LOST:
            contacts["webhook"]["url"] = f"http://127.0.0.1:{free_port()}{self._paths(user)['webhook']}"
        alerts = {"pagerduty": {"routing_key": ROUTING_KEY}, "opsgenie": {"api_key": GENIE_KEY}}
        answer = self.product.set_user(
            user,
            contacts={"email": f"{user}-{PERSON}", **contacts, **alerts},
            events={"job.failed": dict.fromkeys(alerts, True)},
        )
        return answer["contacts"]["webhook"]["secret"]

    def _fail(self, status, mail_code, times=None):
        """Let everybody's receivers answer with this and with all that they know."""
        for user, secret in self.webhook_secrets.items():
            paths, key = self._paths(user), secret.removeprefix("whsec_")
            repeated = f"{HEADER} {secret} {key} {base64.b64decode(key).hex()} {paths['webhook']}"
            self._receiver.script(
                paths["webhook"],
                # What is gone for good is refused with 410 on webhooks.
                Answer(410 if status == 404 else status, {"X-Echo": HEADER}, body=repeated, times=times),
                Answer(200, body=repeated),
            )
            for path in (paths["slack"], f"{paths['discord']}?wait=true"):
                echo = Answer(status, body=f"{self._receiver.url(path)} {path}", times=times)
                self._receiver.script(path, echo, Answer(200, body=path))
            said = Say(f"{mail_code} {MAIL_LOGIN[1]} is wrong", times=times)
            self._mailbox.script("rcpt", said, Say(), recipient=f"{user}-{PERSON}")
        for path, secret in ALERTS:
            echo = Answer(status, {"X-Echo": secret}, body=f"no such key: {secret}", times=times)
            self._alerting.script(path, echo, Answer(act="serve"))

    def _lose(self):
        """Let the last one's receivers take everything, and not say so; the webhook's is not there at all."""
        paths = self._paths(LOST)
        for path in (paths["slack"], f"{paths['discord']}?wait=true"):
            self._receiver.script(path, Answer(act="silence", times=1), Answer(200))
        for path, _ in ALERTS:
            self._alerting.script(path, Answer(act="reset", times=1), Answer(act="serve"))
        self._mailbox.script("rcpt", Say(act="drop", times=1), Say(), recipient=f"{LOST}-{PERSON}")

    def _told(self, user):
        event = self.product.submit("job.failed", {"job_id": f"canary-{user}", "error": WORDS}, user)
        return self.product.ended(event)

    def _use_links(self):
        """Use what opens something by itself: the ticket of a stream, and the link in a mail that verifies."""
        address = f"verified-{PERSON}"
        ticket = self.product.call("POST", f"/inbox/{USER}/ticket").json()["ticket"]
        with requests.get(f"{self.product.url}/inbox/{USER}/stream?ticket={ticket}", stream=True, timeout=10) as stream:
            assert stream.status_code == 200
        token = self.product.call("POST", "/users/verifying/token").json()["token"]
        self.product.call("PATCH", "/preferences/verifying", json={"contacts": {"email": address}}, token=token)
        entry = eventually(lambda: [one for one in self._mailbox.ledger.entries() if address in one["to"]])[0]
        text = parsed(entry["content"]).get_body(("plain",)).get_content()
        link = re.search(r"/ui/verify/(\S+)", text)
        for method in ("GET", "POST"):
            assert self.product.call(method, link[0], token=None).status_code == 200
        return ticket, link[1]

    def secrets(self):
        """Everything that nobody may ever read again."""
        return {
            "webhook header": HEADER,
            "routing key": ROUTING_KEY,
            "Opsgenie key": GENIE_KEY,
            **{f"webhook secret of {user}": key.removeprefix("whsec_") for user, key in self.webhook_secrets.items()},
            "webhook path": WEBHOOK_TOKEN,
            "Slack token": SLACK_TOKEN,
            "Discord token": DISCORD_TOKEN,
            "unsubscribe link": self.unsubscribe_link.rpartition(".")[2],
            "SMTP password": MAIL_LOGIN[1],
            "SECRET_KEY": SECRET_KEY,
            "Flower password": FLOWER_LOGIN[1],
            "admin key": self.product.admin_key.rpartition("_")[2],
            "service key": self.service_key.rpartition("_")[2],
            "broker password": str(urlsplit(broker_url(self.product)).password),
            "user token": self.user_token.rpartition(".")[2],
            "ticket": self.ticket,
            "verification": self.verification,
        }


class _Monitor:
    """Listens to every command that the broker gets."""

    def __init__(self, url):
        self._client = Redis.from_url(url)
        self._heard = []
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self._monitor = self._client.monitor().__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._client.echo("the end of it")
        self._thread.join(10)
        self._monitor.__exit__(None, None, None)
        self._client.close()

    def _listen(self):
        for command in self._monitor.listen():
            self._heard.append(command["command"])
            if "the end of it" in command["command"]:
                return

    def text(self):
        return "\n".join(self._heard)


@pytest.fixture(scope="module")
def played(product, receiver, mailbox, alerting):
    return Played(product, receiver, mailbox, alerting)


def found_in(text, wanted):
    """Which of the secrets are in a text, also in base64."""
    return sorted(
        name
        for name, secret in wanted.items()
        if secret in text or base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] in text
    )


def values_of(client):
    """Every key and every value of a Redis database, as one text."""
    found = []
    for key in client.scan_iter(count=1000):
        kind = client.type(key).decode()
        read = {
            "string": client.get,
            "hash": client.hgetall,
            "list": lambda key: client.lrange(key, 0, -1),
            "set": client.smembers,
            "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        }[kind]
        found.append(f"{key!r} {read(key)!r}")
    return "\n".join(found)


def test_it_was_played_as_planned(played):
    assert played.ended["counts"] == {"delivered": 7}
    assert played.refused["counts"] == {"delivered": 1, "failed": 6}
    assert played.lost["counts"] == {"delivered": 6, "failed": 1}
    for event, made in ((played.ended, 2), (played.refused, 1), (played.lost, 2)):
        for channel in ("email", "webhook", "slack", "discord", "pagerduty", "opsgenie"):
            attempts = played.product.notification(event["id"], channel)["attempts"]
            assert len(attempts) == (4 if (event, channel) == (played.lost, "webhook") else made), attempts


def test_the_log_has_none(played):
    lines = [line for line in played.product.lines() if "try_it" not in line]
    assert len(lines) > 10
    text = "\n".join(map(json.dumps, lines))
    assert found_in(text, played.secrets() | {"address": PERSON, "words": WORDS}) == []


def test_every_line_of_the_log_is_json(played):
    for line in played.product.log().splitlines():
        assert {"timestamp", "level", "message", "component"} <= set(json.loads(line)), line


def test_the_answers_have_none(played):
    product = played.product
    paths = ["/health", "/metrics", "/openapi.json", "/audit?limit=200", "/channels", "/event-types"]
    for user, event in ((USER, played.ended), (REFUSED, played.refused), (LOST, played.lost)):
        paths += [f"/history/{user}", f"/inbox/{user}", f"/preferences/{user}", f"/events/{event['id']}"]
        paths += [f"/notifications/{one['id']}" for one in event["notifications"]]
        paths += [f"/notifications?user_id={user}&limit=200", f"/audit?object=user:{user}"]
    for path in paths:
        answer = product.call("GET", path)
        assert answer.status_code == 200, path
        found = set(found_in(answer.text + str(answer.headers), played.secrets()))
        # Whoever reads the preferences reads the URL of the webhook.
        assert found - ({"webhook path"} if path.startswith("/preferences/") else set()) == set(), path
    for form in ("text/csv", "application/x-ndjson"):
        answer = product.call("GET", f"/history/{REFUSED}", headers={"Accept": form})
        assert found_in(answer.text, played.secrets()) == []
    event = {"type": "job.failed", "data": {"job_id": "j", "error": "e"}, "recipients": [USER, REFUSED, LOST]}
    answer = product.call("POST", "/events/explain", json=event)
    assert (answer.status_code, found_in(answer.text, played.secrets())) == (200, [])
    assert USER not in product.call("GET", "/metrics").text


def test_a_contact_is_shown_masked_also_when_it_is_disabled(played):
    product = played.product
    shown = product.get(f"/preferences/{USER}")["contacts"]
    assert shown["webhook"]["secret"] == {"set": True, "last4": played.webhook_secret[-4:]}
    assert shown["webhook"]["headers"]["X-Token"] == {"set": True, "last4": HEADER[-4:]}
    assert shown["opsgenie"]["api_key"] == {"set": True, "last4": "77d0"}
    refused = product.get(f"/preferences/{REFUSED}")["contacts"]
    assert {name for name, contact in refused.items() if "disabled" in contact} == {
        "email",
        "webhook",
        "slack",
        "discord",
    }


def test_a_contact_sent_back_as_it_was_read_keeps_its_secrets(played, receiver):
    product = played.product
    as_read = product.get(f"/preferences/{USER}")
    assert product.call("PUT", f"/preferences/{USER}", json=as_read).status_code == 200
    before = len(receiver.ledger.entries())
    product.ended(product.submit("job.completed", {"job_id": "kept"}, USER, channels=["webhook"]))
    [entry] = [one for one in receiver.ledger.entries()[before:] if WEBHOOK_TOKEN in one["path"]]
    assert entry["headers"]["x-token"] == HEADER
    assert entry["headers"]["authorization"] == f"Bearer {HEADER}"


def test_redis_has_neither_secrets_nor_anybodys_data(played):
    wanted = played.secrets() | {"address": PERSON, "words": WORDS}
    assert "notifications.render" in played.commands or "EVALSHA" in played.commands
    assert found_in(played.commands, wanted) == []
    with Redis.from_url(broker_url(played.product)) as client:
        text = values_of(client)
    assert "im2n:dedupe:" in text
    assert found_in(text, wanted) == []


def test_messages_carry_ids_alone(played):
    bodies = [line for line in played.commands.splitlines() if "notifications.render" in line]
    assert bodies
    assert not any(USER in line for line in bodies)


def test_flower_has_none(played):
    product = played.product
    url = f"http://127.0.0.1:{product.flower_port}"

    def page(path):
        answer = requests.get(url + path, auth=FLOWER_LOGIN, timeout=10)
        assert answer.status_code == 200, (path, answer.text[:2000])
        return answer.text

    tasks = eventually(lambda: json.loads(page("/api/tasks?limit=2000")))
    pages = ["/workers", "/tasks", "/broker", "/api/workers?refresh=1", "/api/queues/length", "/metrics"]
    text = json.dumps(tasks) + "".join(page(path) for path in pages) + page(f"/task/{next(iter(tasks))}")
    assert found_in(text, played.secrets() | {"address": PERSON, "words": WORDS}) == []


def test_the_files_have_none(played):
    product = played.product
    allowed = {"admin.key": "admin key", "broker.url": "broker password", "broker.conf": "broker password"}
    looked_at = 0
    for path in product.data_dir.rglob("*"):
        if path.is_file():
            looked_at += 1
            found = set(found_in(path.read_bytes().decode("latin-1"), played.secrets())) - {allowed.get(path.name)}
            # The URL of a webhook is no secret where it is kept; all else of a contact is sealed.
            assert found - ({"webhook path"} if path.name.startswith("notifications.db") else set()) == set(), path.name
    assert looked_at >= 4


def test_no_command_line_has_one(played):
    for process in played.product.descendants():
        assert found_in(" ".join(process.words), played.secrets()) == [], process.words[:4]
