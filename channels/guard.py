"""Which URLs and addresses notifications may be sent to, so that nobody reaches our own network through us."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

from channels.sockets import Address

Network = IPv4Network | IPv6Network

MAX_URL = 2_048
_PORTS = {"http": 80, "https": 443}
_KEPT_AS_IT_IS = "/?%:@!$&'()*+,;=~-._"
_PUBLIC_PORTS = frozenset({443, 8443})
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_LOOPBACK_4 = IPv4Address("127.0.0.1")
_LOOPBACK_6 = IPv6Address("::1")
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(block)
    for block in (
        "100.64.0.0/10",  # shared address space of providers (RFC 6598)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "2001::/32",  # Teredo carries IPv4 addresses inside (RFC 4380)
        "2002::/16",  # so does 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)


class UrlFault(ValueError):
    """What is wrong with a URL, in words for the person who entered it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL, taken apart: `host` without brackets, `path` with its query, percent-encoded."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """scheme://host:port, without anything that could be secret."""
        return f"{self.scheme}://{self._shown}:{self.port}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self._shown if self.port == _PORTS[self.scheme] else f"{self._shown}:{self.port}"

    @property
    def _shown(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


@lru_cache(maxsize=1_024)  # a list of notifications goes to one URL
def read_url(url: str) -> Target:
    """Take an http or https URL apart; raises UrlFault."""
    if len(url) > MAX_URL:
        raise UrlFault(f"Must not be longer than {MAX_URL} characters.")
    if _UNSAFE.search(url):
        raise UrlFault("Must not contain spaces, backslashes or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlFault("Not a valid URL.") from None
    if parts.scheme not in _PORTS:
        raise UrlFault("Must be an https URL.")
    if "@" in parts.netloc:
        raise UrlFault("Must not contain a user name or password.")
    if port == 0:
        raise UrlFault("Not a valid port.")
    path = quote(parts.path or "/", safe=_KEPT_AS_IT_IS)
    if parts.query:
        path += "?" + quote(parts.query, safe=_KEPT_AS_IT_IS)
    return Target(parts.scheme, _host(parts.hostname or ""), port or _PORTS[parts.scheme], path)


def _host(given: str) -> str:
    try:
        return str(ip_address(given))
    except ValueError:
        pass
    try:
        host = given.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise UrlFault("Not a valid host name.") from None
    labels = host.split(".")
    # A last label that is a number means an address in a spelling that only some programs read as one.
    if not all(_LABEL.fullmatch(label) for label in labels) or _NUMBER.fullmatch(labels[-1]):
        raise UrlFault("Not a valid host name.")
    return host


class Guard:
    """The rule for user URLs: https to public addresses; inside the allowed networks also http and any port."""

    def __init__(self, allowed_networks: Sequence[Network]) -> None:
        self._networks = tuple(allowed_networks)

    def check_url(self, url: str) -> Target:
        """What can be said about a URL without resolving its name; raises UrlFault."""
        target = read_url(url)
        try:
            address = ip_address(target.host)
        except ValueError:
            # A name may turn out to be inside the allowed networks, which is only known when it is resolved.
            if not self._networks and not _may_be_public(target):
                raise UrlFault("Must be an https URL on port 443, 8443 or above 1023.") from None
            return target
        if not self.allows(target, [address]):
            raise UrlFault("Must be an https URL of a public address.")
        return target

    def checked(self, given: object) -> str:
        """The URL of a contact as it was given; raises UrlFault."""
        if not isinstance(given, str) or not given:
            raise UrlFault("Required: the URL to post to.")
        self.check_url(given)
        return given

    def allows(self, target: Target, addresses: Sequence[Address]) -> bool:
        """Whether the target may be reached at these addresses; all of them have to be right."""
        return bool(addresses) and all(self._allows(target, plain(address)) for address in addresses)

    def _allows(self, target: Target, address: Address) -> bool:
        # The two loopback addresses are the same machine, and "localhost" usually stands for both.
        same = (address, _LOOPBACK_4) if address == _LOOPBACK_6 else (address,)
        if any(one in network for network in self._networks for one in same):
            return True
        return _may_be_public(target) and is_public(address)


def _may_be_public(target: Target) -> bool:
    return target.scheme == "https" and (target.port in _PUBLIC_PORTS or target.port >= 1024)


def plain(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped IPv6 address, else the address itself."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet.

    `ipaddress` alone calls NAT64, 6to4, multicast and site-local addresses global, some of which lead to loopback.
    """
    address = plain(address)
    if isinstance(address, IPv6Address) and address not in _GLOBAL_6:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _NOT_PUBLIC)
