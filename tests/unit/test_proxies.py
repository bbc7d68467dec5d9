"""Who is believed about a request's address, scheme and host."""

from ipaddress import ip_network

import pytest

from app.api.proxies import TrustedProxies
from tests.fakes.product import build_product

OURS = [ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7", "fd00::/8")]
HSTS = "Strict-Transport-Security"


def seen(networks=OURS, *, peer="10.0.0.1", **forwarded):
    """What the application gets: address, scheme, host."""
    got = []
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inside:8000"}
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in forwarded.items()}
    TrustedProxies(lambda environ, _start: got.append(environ) or [], networks)(environ, lambda *_: None)
    return got[0]["REMOTE_ADDR"], got[0]["wsgi.url_scheme"], got[0]["HTTP_HOST"]


def test_a_proxy_of_ours_is_believed():
    assert seen(**{"for": "198.51.100.4", "proto": "https", "host": "im2.example"}) == (
        "198.51.100.4",
        "https",
        "im2.example",
    )


@pytest.mark.parametrize("peer", ["198.51.100.4", "192.0.2.8", "fe80::1", "", "unix:"])
def test_anybody_else_is_not(peer):
    assert seen(peer=peer, **{"for": "10.9.9.9", "proto": "https", "host": "evil.example"}) == (
        peer,
        "http",
        "inside:8000",
    )


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.4", "198.51.100.4"),
        ("198.51.100.4, 10.0.0.2", "198.51.100.4"),
        ("198.51.100.4,192.0.2.7,fd00::7", "198.51.100.4"),
        ("10.6.6.6, 203.0.113.9, 198.51.100.4, 10.0.0.2", "198.51.100.4"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("198.51.100.4:5123, 10.0.0.2:80", "198.51.100.4"),
        ("[2001:db8::4]:5123, [fd00::7]", "2001:db8::4"),
        ("2001:db8::4", "2001:db8::4"),
        ("::ffff:198.51.100.4", "198.51.100.4"),
        ("198.51.100.4, unknown, 10.0.0.2", "10.0.0.2"),
        ("198.51.100.4, 10.0.0.2, _hidden", "10.0.0.1"),
        ("'; DROP TABLE", "10.0.0.1"),
        ("1.2.3.4.5", "10.0.0.1"),
        (", ,", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_none_of_ours(forwarded, client):
    assert seen(**{"for": forwarded})[0] == client


def test_a_peer_on_a_socket_of_both_families_is_recognised():
    assert seen(peer="::ffff:10.0.0.1", **{"for": "198.51.100.4"})[0] == "198.51.100.4"


@pytest.mark.parametrize(
    ("forwarded", "proto", "scheme"),
    [
        ("198.51.100.4", "https", "https"),
        ("198.51.100.4", "HTTPS", "https"),
        # What the client wrote stands further left than what our proxy added.
        ("198.51.100.4", "https, http", "http"),
        ("198.51.100.4, 10.0.0.2", "https, http", "https"),
        # The proxies replace it instead of adding theirs.
        ("198.51.100.4, 10.0.0.2", "https", "https"),
        ("198.51.100.4", "ftp", "http"),
        ("198.51.100.4", "", "http"),
        ("", "https", "https"),
    ],
)
def test_the_scheme_is_what_the_outermost_of_our_proxies_said(forwarded, proto, scheme):
    assert seen(**{"for": forwarded, "proto": proto})[1] == scheme


@pytest.mark.parametrize("host", ["im2.example", "im2.example:8443", "[2001:db8::1]:443", "IM2.example.", "x"])
def test_a_host_is_taken_as_it_is(host):
    assert seen(host=host)[2] == host


@pytest.mark.parametrize(
    "host", ["evil.example/path", "user@evil.example", "a b", "-x", "x:y", "", "x\\y", "[::1", "ü"]
)
def test_what_is_no_host_is_not_taken(host):
    assert seen(host=host)[2] == "inside:8000"


@pytest.mark.parametrize(
    ("trusted", "peer", "lives_on_tls"),
    [
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("10.0.0.0/8, 127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "198.51.100.4", False),
        ("", "127.0.0.1", False),
    ],
)
def test_browsers_are_told_to_stay_on_https_when_a_proxy_of_ours_says_that_it_is(
    tmp_path, migrated, trusted, peer, lives_on_tls
):
    product = build_product(tmp_path, migrated, {"TRUSTED_PROXIES": trusted})
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.4"}
    answer = product.call("GET", "/nothing", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert (HSTS in answer.headers) is lives_on_tls
    product.services.close()
