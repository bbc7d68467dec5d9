"""Nobody reaches our own network through a URL of theirs, whatever their name server says, with TLS and without."""

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from channels.base import Permanent, Transient
from channels.guard import Guard
from channels.http import Http
from channels.sockets import Deadline, dial
from channels.wire import Reply
from tests.fakes.certificate import self_signed
from tests.fakes.names import Names
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.world import ALLOWED, INNER, NAME, OUTER, World

NOT_ALLOWED = "The address of this URL is not allowed."


def post(http: Http, url: str) -> Reply:
    return http.post(url, body=b"{}", headers={})


def blocked(http: Http, url: str) -> bool:
    with pytest.raises(Permanent) as caught:
        post(http, url)
    return (caught.value.reason, caught.value.detail) == ("rejected", NOT_ALLOWED)


def test_the_name_is_shown_and_the_checked_address_is_connected_to(world: World):
    assert post(world.http(Names([OUTER])), world.url).status == 200
    (entry,) = world.outer.ledger.entries()
    assert entry["headers"]["host"] == f"{NAME}:{world.outer.port}"
    assert world.names_shown == ([NAME] if world.tls else [])
    assert world.reached() == (1, 0)


def test_one_attempt_asks_once_so_a_second_answer_is_never_heard(world: World):
    names = Names([OUTER], [INNER])
    assert post(world.http(names), world.url).status == 200
    assert names.asked == 1
    assert world.reached() == (1, 0)


def test_a_name_is_asked_for_again_by_the_next_connection(world: World):
    names = Names([OUTER], [INNER])
    http = world.http(names)
    assert post(http, world.url).status == 200
    world.outer.drop_idle()
    assert blocked(http, world.url)
    assert names.asked == 2
    assert world.reached() == (1, 0)


def test_what_was_right_when_it_was_saved_is_checked_again_when_it_is_used(world: World):
    Guard(ALLOWED).check_url(world.url)
    assert blocked(world.http(Names([INNER])), world.url)
    assert world.reached() == (0, 0)


@pytest.mark.parametrize("answer", [(OUTER, INNER), (INNER, OUTER), (INNER,), (OUTER, "8.8.8.8", INNER)])
def test_one_inner_address_among_others_is_enough_to_refuse(world: World, answer: tuple[str, ...]):
    assert blocked(world.http(Names(answer)), world.url)
    assert world.outer.connections == 0
    assert world.reached() == (0, 0)


@pytest.mark.parametrize("spelling", [INNER, "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "127.0.0.2."])
def test_an_inner_address_itself_is_refused(world: World, spelling: str):
    with pytest.raises(Permanent):
        post(world.http(Names([OUTER])), world.at(spelling))
    assert world.reached() == (0, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_inside_is_not_followed(world: World, status: int):
    world.outer.script("/hook", Answer(status, {"Location": world.at(INNER)}))
    assert post(world.http(Names([OUTER])), world.url).status == status
    assert world.reached() == (1, 0)


def test_proxies_and_logins_of_the_environment_are_not_used(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {NAME} login a password b\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, f"http://{INNER}:{world.inner.port}")
    assert post(world.http(Names([OUTER])), world.url).status == 200
    assert "authorization" not in world.outer.ledger.entries()[0]["headers"]
    assert world.reached() == (1, 0)


@pytest.mark.parametrize("name", ["other.example", "hooks.example.evil.example", "xhooks.example"])
def test_a_certificate_for_another_name_is_not_talked_to(name: str, tmp_path: Path):
    server, client = self_signed(tmp_path, NAME)
    with Receiver(tls=server) as receiver:
        http = Http(2.0, ALLOWED, resolver=Names([OUTER]), tls=client)
        with pytest.raises(Transient, match="certificate") as caught:
            post(http, f"https://{name}:{receiver.port}/")
        assert not caught.value.unknown
        assert receiver.ledger.entries() == []


def test_an_authority_nobody_knows_is_not_talked_to(tmp_path: Path):
    server, _ = self_signed(tmp_path, NAME)
    with Receiver(tls=server) as receiver:
        with pytest.raises(Transient, match="certificate"):
            post(Http(2.0, ALLOWED, resolver=Names([OUTER])), f"https://{NAME}:{receiver.port}/")
        assert receiver.ledger.entries() == []


def test_a_connection_that_ends_elsewhere_is_not_used(world: World, monkeypatch: pytest.MonkeyPatch):
    class Diverted(socket.socket):
        def connect(self, address: Any) -> None:
            super().connect((INNER, address[1]))

    monkeypatch.setattr(socket, "socket", Diverted)
    with pytest.raises(OSError):
        dial([ip_address(OUTER)], world.outer.port, Deadline.after(2))
    with pytest.raises(Transient) as caught:
        post(world.http(Names([OUTER])), world.url)
    assert not caught.value.unknown
    assert world.inner.ledger.entries() == []


def test_what_is_said_is_the_same_whether_or_not_anything_is_there(world: World):
    assert blocked(world.http(Names([INNER])), world.url)
    world.inner.down()
    assert blocked(world.http(Names([INNER])), world.url)
