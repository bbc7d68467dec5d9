"""The fakes do what the drills rely on."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from ipaddress import ip_network
from pathlib import Path

import pytest

from channels.base import Contact, OpsgenieSettings, PagerDutySettings, SmtpSettings
from channels.http import Http
from channels.registry import build_channels
from tests.fakes.ledger import read_ledger
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env, message
from tests.fakes.sinks import run

ROOT = Path(__file__).parents[2]
LOOPBACK = [ip_network("127.0.0.0/8")]


def test_answers_are_given_as_often_as_they_say():
    with Receiver() as receiver:
        receiver.script("/a", Answer(503, times=2), Answer(200))
        http = Http(1.0, LOOPBACK)
        assert [http.post(receiver.url("/a"), body=b"", headers={}).status for _ in range(4)] == [503, 503, 200, 200]


def test_a_receiver_refuses_and_takes_connections_again_on_its_port():
    with Receiver() as receiver:
        receiver.down()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((receiver.host, receiver.port), timeout=1)
        receiver.up()
        assert Http(1.0, LOOPBACK).post(receiver.url(), body=b"", headers={}).status == 200


@pytest.mark.parametrize("name", ["receiver", "mailbox"])
def test_a_fake_is_a_process_with_a_ledger_file(name: str, tmp_path: Path):
    ledger = tmp_path / "ledger.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.fakes.{name}", "--ledger", str(ledger)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        smtp = SmtpSettings("127.0.0.1", port, None, None, "im2@sender.example", use_tls=False, use_ssl=False)
        channels = build_channels(channel_env(tmp_path, smtp=smtp))
        if name == "receiver":
            url = f"http://127.0.0.1:{port}"
            script = {"*": [{"status": 202, "body": "fine"}]}
            admin = HTTPConnection("127.0.0.1", port, timeout=5)
            admin.request("PUT", "/_script", json.dumps(script))
            assert admin.getresponse().status == 200
            admin.close()
            webhook = channels["webhook"]
            assert webhook.send(message(), webhook.read_contact({"url": url}, None)).http_status == 202
        else:
            channels["email"].send(message(), Contact({"address": "ana@b.example"}))
        (entry,) = read_ledger(ledger)
        assert entry["key"] == "ntf_0190"
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def test_a_killed_writer_leaves_whole_lines(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"key": "a"}\n{"key": "b"}\n{"ke')
    assert [entry["key"] for entry in read_ledger(path)] == ["a", "b"]
    assert read_ledger(tmp_path / "none") == []


def test_the_sinks_show_what_arrives_and_stop_on_sigterm(tmp_path: Path):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    out = io.StringIO()

    def use() -> None:
        try:
            while out.getvalue().count("\n") < 6:
                time.sleep(0.01)
            first, second = (line.split() for line in out.getvalue().splitlines()[:2])
            url, smtp_port = first[1], int(first[3].rpartition(":")[2])
            smtp = SmtpSettings("127.0.0.1", smtp_port, None, None, "im2@sender.example", use_tls=False, use_ssl=False)
            channels = build_channels(channel_env(tmp_path, smtp=smtp))
            channels["email"].send(message(), Contact({"address": "ana@b.example"}))
            for own in (secret, None):
                contact = channels["webhook"].read_contact({"url": url, "secret": own}, None)
                channels["webhook"].send(message(title="[red]x[/red]"), contact)
            for name, hook in (("slack", second[1]), ("discord", second[3])):
                contact = channels[name].read_contact({"url": hook}, None)
                receipt = channels[name].send(
                    message(title=f"<{name}> & *co*", link="https://im2.example/a_b"), contact
                )
            channels["discord"].edit(message(title="43 % of [it]"), contact, receipt.provider_ref or "")
            base = url.removesuffix("/any/path")
            alerting = channel_env(
                tmp_path,
                pagerduty=PagerDutySettings(events_url=f"{base}/pagerduty"),
                opsgenie=OpsgenieSettings(api_url=f"{base}/opsgenie"),
            )
            for name, key in (("pagerduty", {"routing_key": "k" * 32}), ("opsgenie", {"api_key": "k" * 36})):
                channel = build_channels(alerting)[name]
                for resolved in (False, True):
                    about = message(title=f"[bold]{name}[/bold]", resolved=resolved, alert_key=f"im2-{name}")
                    channel.send(about, channel.read_contact(key, None))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    user = threading.Thread(target=use)
    try:
        user.start()
        run("127.0.0.1", 0, 0, out, secrets=[secret])
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
        user.join()
    said = out.getvalue()
    assert "ana@b.example: Auftrag j-9 ist gescheitert" in said
    assert said.count("signature is right") == 1
    assert said.count("SIGNATURE IS WRONG") == 1
    assert "[red]x[/red]" in said
    for words in (
        "slack ❗ <slack> & *co*",
        "discord ❗ high: <discord> & *co*",
        "discord (changed) ❗ high: 43 % of [it]",
    ):
        assert said.count(words) == 1
    assert said.count("https://im2.example/a_b") == 2
    assert re.findall(r"(pagerduty|opsgenie) (opened|closed) (.*)  im2-", said) == [
        (name, did, f"[bold]{name}[/bold]") for name in ("pagerduty", "opsgenie") for did in ("opened", "closed")
    ]


def test_a_receiver_is_fast_enough_for_the_bench():
    with Receiver() as receiver:
        request = b"POST /a HTTP/1.1\r\nHost: x\r\nwebhook-id: n\r\nContent-Length: 300\r\n\r\n" + b"x" * 300
        with socket.create_connection((receiver.host, receiver.port)) as connection:
            for _ in range(500):
                connection.sendall(request)
                answer = b""
                while not answer.endswith(b"ok"):
                    answer += connection.recv(4096)
        assert len(receiver.ledger.entries()) == 500
        assert receiver.connections == 1
