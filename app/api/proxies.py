"""What the proxies in front of the service say about a request: client address, scheme and host.

Werkzeug's ProxyFix counts hops and believes whoever connects; here only peers in listed networks are believed.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([0-9.]+):\d+")


class TrustedProxies:
    """Takes X-Forwarded-For, -Proto and -Host from peers in these networks, and from nobody else."""

    def __init__(self, app: "WSGIApplication", networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._networks = networks

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Let the application see the request as the first proxy that is ours got it."""
        peer = _address(environ.get("REMOTE_ADDR", ""))
        if peer is not None and self._trusts(peer):
            client, proxies = self._walk(peer, _values(environ, "FOR"))
            environ["REMOTE_ADDR"] = str(client)
            scheme = _as_told(_values(environ, "PROTO"), proxies).lower()
            if scheme in {"http", "https"}:
                environ["wsgi.url_scheme"] = scheme
            host = _as_told(_values(environ, "HOST"), proxies)
            if _HOST.fullmatch(host):
                environ["HTTP_HOST"] = host
        return self._app(environ, start_response)

    def _walk(self, peer: IPv4Address | IPv6Address, forwarded: Sequence[str]) -> tuple[IPv4Address | IPv6Address, int]:
        """From the peer outwards to the first address that is none of ours, and how many of ours are before it.

        What stands further left, anybody may have written. An address that can't be read ends the walk as well.
        """
        client, proxies = peer, 1
        for said in reversed(forwarded):
            address = _address(said)
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
            proxies += 1
        return client, proxies

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _values(environ: "WSGIEnvironment", name: str) -> list[str]:
    return [part.strip() for part in environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",") if part.strip()]


def _as_told(values: Sequence[str], proxies: int) -> str:
    """What the outermost of our proxies said; many of them replace the value instead of adding theirs."""
    return values[-min(proxies, len(values))] if values else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in a text like 192.0.2.7, 192.0.2.7:4711, 2001:db8::7 or [2001:db8::7]:4711; None for others."""
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows IPv4 peers this way.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
