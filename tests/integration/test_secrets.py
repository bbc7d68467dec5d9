"""What was planted as a secret, or belongs to a person, is looked for everywhere it must not be."""

import base64
import json
import threading
from urllib.parse import urlsplit

import pytest
import requests
from redis import Redis

from tests.fakes.mailbox import Say
from tests.fakes.receiver import Answer
from tests.integration.conftest import FLOWER_LOGIN, MAIL_LOGIN, SECRET_KEY, on_its_own
from tests.integration.product import eventually
from tests.integration.story import broker_url

# The servers of the other places are shared, and have no password that could be looked for.
pytestmark = on_its_own
HEADER = "canary-header-5f0e31"
ROUTING_KEY = "canary00routing00key00a91c3344ef"
GENIE_KEY = "canary-genie-key-4b77d0"
PERSON = "canary-person@secrets.example"
WORDS = "canary-words-81c2"
SLACK_PATH = "/services/T0CANARY/B0CANARY/canaryslack4e1b77"
DISCORD_PATH = "/api/v10/webhooks/100000000000000042/canary-discord-03ad9c"
USER = "secretive"


class Played:
    """Deliveries that went well and deliveries that went wrong, with receivers that repeat what they were told."""

    def __init__(self, product, receiver, mailbox, alerting):
        self.product = product
        contact = {"url": receiver.url("/secrets"), "headers": {"Authorization": f"Bearer {HEADER}", "X-Token": HEADER}}
        rooms = {"slack": {"url": receiver.url(SLACK_PATH)}, "discord": {"url": receiver.url(DISCORD_PATH)}}
        alerts = {"pagerduty": {"routing_key": ROUTING_KEY}, "opsgenie": {"api_key": GENIE_KEY}}
        answer = product.set_user(
            USER,
            contacts={"email": PERSON, "webhook": contact, **rooms, **alerts},
            events={"job.failed": dict.fromkeys(alerts, True)},
        )
        self.webhook_secret = answer["contacts"]["webhook"]["secret"]
        self.user_token = product.call("POST", f"/users/{USER}/token").json()["token"]
        self.service_key = product.call("POST", "/keys", json={"name": "k", "scopes": ["users:read"]}).json()["key"]
        key = self.webhook_secret.removeprefix("whsec_")
        repeated = f"{HEADER} {self.webhook_secret} {key} {base64.b64decode(key).hex()}"
        receiver.script("/secrets", Answer(500, {"X-Echo": HEADER}, body=repeated, times=1), Answer(200, body=repeated))
        for path in (SLACK_PATH, f"{DISCORD_PATH}?wait=true"):
            receiver.script(path, Answer(500, body=f"{receiver.url(path)} {path}", times=1), Answer(200, body=path))
        for path, secret in (("/pagerduty/v2/enqueue", ROUTING_KEY), ("/opsgenie/v2/alerts", GENIE_KEY)):
            echo = Answer(500, {"X-Echo": secret}, body=f"no such key: {secret}", times=1)
            alerting.script(path, echo, Answer(act="serve"))
        mailbox.script("rcpt", Say(f"451 4.7.1 {MAIL_LOGIN[1]} is wrong", times=1), Say(), recipient=PERSON)
        with _Monitor(broker_url(product)) as monitor:
            event = product.submit("job.failed", {"job_id": "canary-job", "error": WORDS}, USER)
            self.ended = product.ended(event)
        self.commands = monitor.text()
        product.call("GET", f"/history/{USER}", token=self.user_token)
        product.call("GET", f"/history/{USER}?token={self.service_key}", token=self.service_key)
        product.call("GET", f"/history/{self.service_key}")
        product.call("PUT", f"/preferences/{USER}", json={"contacts": {"webhook": {"url": f"http://{HEADER}@x/"}}})

    def secrets(self):
        """Everything that nobody may ever read again."""
        return {
            "webhook header": HEADER,
            "routing key": ROUTING_KEY,
            "Opsgenie key": GENIE_KEY,
            "webhook secret": self.webhook_secret.removeprefix("whsec_"),
            "Slack token": SLACK_PATH.rpartition("/")[2],
            "Discord token": DISCORD_PATH.rpartition("/")[2],
            "SMTP password": MAIL_LOGIN[1],
            "SECRET_KEY": SECRET_KEY,
            "Flower password": FLOWER_LOGIN[1],
            "admin key": self.product.admin_key.rpartition("_")[2],
            "service key": self.service_key.rpartition("_")[2],
            "broker password": str(urlsplit(broker_url(self.product)).password),
            "user token": self.user_token.rpartition(".")[2],
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
    for channel in ("email", "webhook", "slack", "discord", "pagerduty", "opsgenie"):
        assert len(played.product.notification(played.ended["id"], channel)["attempts"]) == 2


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
    paths = [f"/history/{USER}", f"/inbox/{USER}", f"/preferences/{USER}", f"/events/{played.ended['id']}", "/health"]
    paths += [f"/notifications/{one['id']}" for one in played.ended["notifications"]]
    for path in [*paths, "/metrics", "/openapi.json"]:
        answer = product.call("GET", path)
        assert answer.status_code == 200
        assert found_in(answer.text + str(answer.headers), played.secrets()) == [], path
    shown = product.get(f"/preferences/{USER}")["contacts"]["webhook"]
    assert shown["secret"] == {"set": True, "last4": played.webhook_secret[-4:]}
    assert product.get(f"/preferences/{USER}")["contacts"]["opsgenie"]["api_key"] == {"set": True, "last4": "77d0"}
    assert shown["headers"]["X-Token"] == {"set": True, "last4": HEADER[-4:]}
    assert USER not in product.call("GET", "/metrics").text


def test_a_contact_sent_back_as_it_was_read_keeps_its_secrets(played, receiver):
    product = played.product
    as_read = product.get(f"/preferences/{USER}")
    assert product.call("PUT", f"/preferences/{USER}", json=as_read).status_code == 200
    before = len(receiver.ledger.entries())
    product.ended(product.submit("job.completed", {"job_id": "kept"}, USER, channels=["webhook"]))
    [entry] = [one for one in receiver.ledger.entries()[before:] if one["path"] == "/secrets"]
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
            assert found == set(), path.name
    assert looked_at >= 4


def test_no_command_line_has_one(played):
    for process in played.product.descendants():
        assert found_in(" ".join(process.words), played.secrets()) == [], process.words[:4]
