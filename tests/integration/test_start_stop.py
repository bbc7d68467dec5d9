"""Starting, dying and stopping, of the whole product."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.fakes.ports import free_port
from tests.fakes.receiver import Answer, Receiver
from tests.integration.conftest import FLOWER_LOGIN, on_its_own
from tests.integration.product import ROOT, Product, eventually, run

MANY = 200
BAD_SETTINGS = {
    "PORT": "80a",
    "LOG_LEVEL": "LOUD",
    "DATABASE_URL": "mysql://canary-value@db/x",
    "REDIS_URL": "http://canary-value",
    "CELERY_BROKER_URL": "sqs://canary-value",
    "SMTP_HOST": "mail.example.com",
    "RETRY_DELAY_SECONDS": "3601",
    "MAX_RETRIES": "-1",
    "EMAIL_RETRY_PLAN": "soon",
    "PIGEON_RETRY_DELAY_SECONDS": "5",
    "RATE_LIMIT_PER_USER": "many",
    "RATE_LIMIT_PER_USER_PIGEON": "5",
    "RATE_LIMIT_WINDOW_MINUTES": "0",
    "RATE_LIMIT_OVERFLOW": "explode",
    "WEBHOOK_TIMEOUT_SECONDS": "21",
    "WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8,nowhere",
    "DEFAULT_LOCALE": "klingon",
    "DEFAULT_TIMEZONE": "Mars/Olympus",
    "DEDUPE_WINDOW_SECONDS": "nan",
    "PUBLIC_URL": "ftp://x",
    "TRUSTED_PROXIES": "10.0.0.0/33",
    "FLOWER_BASIC_AUTH": "canary-value",
    "LEASE_SECONDS": "0",
}


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@on_its_own
def test_the_first_start_says_what_to_paste(product):
    print(f"ready after {product.ready_after:.1f} s")  # noqa: T201 - a measurement, no demand: others work here as well
    [ready] = [line for line in product.lines() if (line.get("component"), line["message"]) == ("main", "ready")]
    assert product.admin_key in ready["try_it"]
    assert product.url in ready["try_it"]
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("no curl")
    said = subprocess.run(["sh", "-c", ready["try_it"]], capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S607
    assert '"status":"accepted"' in said


@on_its_own
def test_each_part_says_where_it_is(product):
    where = {line["component"]: line["where"] for line in product.lines() if line["message"] == "component_ready"}
    assert set(where) == {"broker", "api", "worker-urgent", "worker-local", "worker-outbound", "relay", "flower"}
    assert where["api"] == product.url
    assert str(product.flower_port) in where["flower"]


@on_its_own
def test_what_is_secret_is_its_owners_alone(product):
    for name in ("admin.key", "broker.url"):
        assert stat.S_IMODE((product.data_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(product.data_dir.stat().st_mode) == 0o700


def test_flower_asks_who_is_there(product):
    url = f"http://127.0.0.1:{product.flower_port}"
    for path in ("/", "/workers", "/api/tasks", "/api/workers", "/tasks"):
        assert requests.get(url + path, timeout=10).status_code == 401, path
        assert requests.get(url + path, timeout=10, auth=("admin", "admin")).status_code == 401, path
    assert requests.get(f"{url}/tasks", timeout=10, auth=FLOWER_LOGIN).status_code == 200
    assert requests.post(f"{url}/api/worker/shutdown/local", timeout=10).status_code in {401, 403, 404}


def test_flower_shows_every_step(product):
    product.ended(product.submit("job.completed", {"job_id": "flower"}, "flower"))
    url = f"http://127.0.0.1:{product.flower_port}/api/tasks"
    steps = {f"notifications.{name}" for name in ("render", "dedupe", "rate_limit", "deliver.inapp")}

    def done():
        tasks = requests.get(url, timeout=10, auth=FLOWER_LOGIN).json().values()
        return {task["name"] for task in tasks if task["state"] == "SUCCESS"}

    eventually(done, lambda names: steps <= names)


@pytest.mark.parametrize("words", [("worker", "local"), ("relay",), ("api",)], ids=" ".join)
def test_a_part_that_dies_is_started_again(product, words):
    component = "-".join(words)
    died, ready = (product.count_said(component, said) for said in ("component_died", "component_ready"))
    product.child(*words).send(signal.SIGKILL)
    eventually(lambda: product.count_said(component, "component_died") == died + 1)
    eventually(lambda: product.count_said(component, "component_ready") == ready + 1)
    event = product.ended(product.submit("job.completed", {"job_id": f"after {component}"}, "after-death"))
    assert event["counts"] == {"delivered": 1}


def test_a_stop_in_the_middle_loses_nothing_and_sends_nothing_twice(tmp_path):
    with Receiver() as receiver:
        receiver.script("/hook", Answer(delay=0.5))
        # Few threads, or what they have in hand when the stop comes, and may finish, would be nearly all.
        settings = {"WORKER_CONCURRENCY": "8", "MAX_RETRIES": "10", "RETRY_DELAY_SECONDS": "0.5"}
        with Product(tmp_path, RELAY_TICK_SECONDS="1", **settings) as product:
            users = [f"u-{number}" for number in range(4)]
            for user in users:
                product.set_user(
                    user, contacts={"webhook": {"url": receiver.url("/hook")}, "email": f"{user}@stop.example"}
                )
            # One by one, so that they wait in messages of their own and not in the few that a worker finishes.
            with ThreadPoolExecutor(4) as pool:
                accepted = list(
                    pool.map(
                        lambda number: product.submit("job.completed", {"job_id": f"j-{number}"}, users[number % 4]),
                        range(MANY),
                    )
                )
            receiver.ledger.wait_for(10, 30)
            assert product.stop() == 0
            midway = len(receiver.ledger.entries())
            assert midway < MANY, "it was over before the stop"
            receiver.script("/hook", Answer())
            product.start()
            for event_id in accepted:
                assert product.ended(event_id, 60)["counts"] == {"delivered": 3}
            assert product.metrics().sum("notifications_unaccounted") == 0
            sent = {one["id"] for user in users for one in product.history(user, channel="webhook")}
            assert len(sent) == MANY
            again = {
                key: count
                for key, count in Counter(entry["key"] for entry in receiver.ledger.entries()).items()
                if count > 1
            }
            assert again == {}
            assert {entry["key"] for entry in receiver.ledger.entries()} == sent
            assert len(list((product.data_dir / "mail").glob("*.eml"))) == MANY
            assert len([line for line in product.lines() if line["message"] == "component_died"]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_kill_9_leaves_no_orphan_and_the_next_start_goes_on_with_the_same_key_alone(tmp_path):
    with Product(tmp_path, FLOWER_PORT=str(free_port())) as product:
        product.set_user("u-2", contacts={"webhook": {"url": "http://127.0.0.1:9/x"}})
        event_id = product.submit("job.completed", {"job_id": "j"}, "u-1", deliver_at="2999-01-01T00:00:00Z")
        pids = [process.pid for process in product.descendants()]
        assert len(pids) >= 7
        assert product.process is not None
        product.process.kill()
        product.process.wait()
        eventually(lambda: [pid for pid in pids if not gone(pid)], lambda left: not left, 10)
        product.start()
        assert product.event(event_id)["counts"] == {"held": 1}
        second = run(DATA_DIR=str(product.data_dir), PORT=str(free_port()), FLOWER_PORT="0")
        assert second.returncode == 1
        assert "DATA_DIR" in second.stdout + second.stderr
        log = product.log()
        assert product.stop(signal.SIGINT) == 0
        assert log.count(product.admin_key) == 1, "the key is shown once, by the first start"
        # The webhook's secret was sealed with another key.
        done = run(**product.settings | {"SECRET_KEY": "quite another key, long enough too"})
        assert done.returncode == 1
        assert "SECRET_KEY: " in done.stdout + done.stderr
        assert "quite another key" not in done.stdout + done.stderr


def test_bad_settings_are_all_named_at_once(tmp_path):
    done = run(DATA_DIR=str(tmp_path / "data"), **BAD_SETTINGS)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    named = {line.partition(":")[0] for line in lines}
    wanted = set(BAD_SETTINGS) - {"SMTP_HOST"} | {"SMTP_FROM"}
    assert wanted - named == set()
    assert len(lines) == len(named), done.stderr
    assert "canary-value" not in done.stderr + done.stdout
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"WEBHOOK_TIMEOUT_SECONDS": "15", "LEASE_SECONDS": "20"}, "WEBHOOK_TIMEOUT_SECONDS"),
        ({"SMTP_HOST": "m.example", "SMTP_FROM": "a@b.example", "SMTP_PASSWORD": "p"}, "SMTP_USERNAME"),
        ({"PORT": "8123", "FLOWER_PORT": "8123"}, "FLOWER_PORT"),
    ],
    ids=["webhook timeout", "password without a name", "ports"],
)
def test_settings_that_contradict_each_other_are_named(tmp_path, settings, named):
    done = run(**({"DATA_DIR": str(tmp_path / "data"), "FLOWER_PORT": "0", "PORT": str(free_port())} | settings))
    assert done.returncode == 2, done.stderr
    assert named in done.stderr


@pytest.mark.parametrize("variable", ["PORT", "FLOWER_PORT"])
def test_a_taken_port_is_named(tmp_path, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"PORT": str(free_port()), "FLOWER_PORT": "0"} | {variable: str(taken.getsockname()[1])}
        done = run(DATA_DIR=str(tmp_path / "data"), **settings)
    assert done.returncode == 1
    assert f"{variable}: can't listen on" in done.stderr


def test_it_needs_nothing_but_its_own_folder(tmp_path, product):
    """Nothing was written beside DATA_DIR."""
    assert not (ROOT / "var").exists() or (ROOT / "var").stat().st_mtime < product.log_file.stat().st_ctime
    assert time.time() > product.data_dir.stat().st_ctime
