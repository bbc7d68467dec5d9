"""Nobody reaches our own network through a URL they gave us."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from channels.base import Permanent, Transient
from channels.guard import Guard, UrlFault, is_public, read_url
from channels.http import Http
from channels.sockets import Address, NoSuchName

LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "１２７.0.0.1",
    "user@127.0.0.1",
]
INNER = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "100.64.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]

BLOCKS = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
"""What is not the public internet, or may lead out of it by an address inside an address."""


def answering(*addresses: str):
    def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address(address) for address in addresses]

    return resolve


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_not_public(address: str):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("block", BLOCKS)
def test_nor_are_the_ends_of_its_block(block: str):
    network = ip_network(block)
    for address in (network[0], network[-1]):
        assert not is_public(address)
        if address.version == 4:
            assert not is_public(ip_address(f"::ffff:{address}"))


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("address", INNER)
def test_to_allow_one_network_allows_no_other(scheme: str, address: str):
    target = read_url(f"{scheme}://hooks.example:8443/")
    assert not Guard([ip_network("10.99.0.0/16")]).allows(target, [ip_address(address)])


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("spelling", LOOPBACK_SPELLINGS)
def test_no_spelling_of_loopback_gets_through(scheme: str, spelling: str):
    with pytest.raises(Permanent) as caught:
        Http(1).post(f"{scheme}://{spelling}:8443/", body=b"", headers={})
    assert caught.value.reason == "rejected"


@pytest.mark.parametrize("address", INNER)
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(address: str):
    with pytest.raises(Permanent, match="not allowed"):
        Http(1, resolver=answering(address)).post("https://hooks.example/", body=b"", headers={})


def test_one_inner_address_among_public_ones_is_enough_to_refuse():
    http = Http(1, resolver=answering("8.8.8.8", "127.0.0.1"))
    with pytest.raises(Permanent, match="not allowed"):
        http.post("https://hooks.example/", body=b"", headers={})


def test_blocked_addresses_ports_and_schemes_sound_the_same():
    said = set()
    for url, address in [
        ("https://hooks.example/", "10.0.0.1"),
        ("https://hooks.example:22/", "8.8.8.8"),
        ("http://hooks.example/", "8.8.8.8"),
        ("http://hooks.example:6379/", "127.0.0.1"),
    ]:
        with pytest.raises(Permanent) as caught:
            Http(1, resolver=answering(address)).post(url, body=b"", headers={})
        said.add(caught.value.detail)
    assert len(said) == 1


def test_a_name_nobody_knows_is_transient_and_surely_not_sent():
    def resolve(_host: str, _port: int) -> Sequence[Address]:
        raise NoSuchName

    with pytest.raises(Transient) as caught:
        Http(1, resolver=resolve).post("https://hooks.example/", body=b"", headers={})
    assert not caught.value.unknown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://a b.example/",
        "https://hooks.example/\r\nHost: x",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example:0/",
        "https://hooks.example:65536/",
        "https://hooks.example:x/",
        "https://:password@hooks.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://-hooks.example/",
        "https://hooks..example/",
        "https://%31%32%37.0.0.1/",
        "https://hooks.example/" + "a" * 2_048,
    ],
)
def test_a_url_that_is_not_plain_is_refused(url: str):
    with pytest.raises(UrlFault):
        Guard([]).check_url(url)


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://Hooks.Example", "https://hooks.example:443", "/"),
        ("https://hooks.example:8443/a?b=c#d", "https://hooks.example:8443", "/a?b=c"),
        ("https://münchen.example/ä?ö=%C3%BC", "https://xn--mnchen-3ya.example:443", "/%C3%A4?%C3%B6=%C3%BC"),
        ("https://[2606:4700::1]:2000/", "https://[2606:4700::1]:2000", "/"),
        ("https://hooks.example./a", "https://hooks.example:443", "/a"),
    ],
)
def test_a_good_url_is_taken_apart(url: str, origin: str, path: str):
    target = Guard([]).check_url(url)
    assert (target.origin, target.path) == (origin, path)


@pytest.mark.parametrize("port", [443, 8443, 1024, 65535])
def test_https_to_these_ports_is_fine(port: int):
    assert Guard([]).allows(read_url(f"https://hooks.example:{port}/"), [ip_address("8.8.8.8")])


@pytest.mark.parametrize("port", [1, 22, 25, 80, 1023])
def test_other_ports_are_refused(port: int):
    with pytest.raises(UrlFault):
        Guard([]).check_url(f"https://hooks.example:{port}/")


def test_inside_the_allowed_networks_any_scheme_port_and_name_is_fine():
    guard = Guard([ip_network("10.0.0.0/8")])
    for url in ("http://10.1.1.1/", "http://10.1.1.1:25/", "https://10.1.1.1:22/"):
        assert guard.check_url(url)
    assert guard.allows(guard.check_url("http://printer:9100/"), [ip_address("10.1.1.1")])
    assert not guard.allows(read_url("http://printer:9100/"), [ip_address("11.1.1.1")])
    with pytest.raises(UrlFault):
        guard.check_url("http://11.1.1.1/")


def test_both_loopback_addresses_are_one_machine():
    guard = Guard([ip_network("127.0.0.0/8")])
    assert guard.allows(read_url("http://localhost:1/"), [ip_address("::1"), ip_address("127.0.0.1")])
    assert not Guard([ip_network("10.0.0.0/8")]).allows(read_url("http://localhost:1/"), [ip_address("::1")])


def test_without_allowed_networks_http_is_refused_when_it_is_saved():
    with pytest.raises(UrlFault):
        Guard([]).check_url("http://hooks.example/")
