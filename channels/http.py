"""The HTTP client of all channels: guarded addresses, one total deadline, bounded answers, kept connections.

A host is resolved once per connection, every address is checked, and the connection goes to a checked address, so a
name that changes its answer between check and use gains nothing. Redirects are not followed, and proxies, netrc files
and environment variables are not looked at.
"""

import json
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from channels.base import DeliveryError, Permanent, Transient
from channels.guard import Guard, Network, Target, UrlFault, read_url
from channels.shown import shown
from channels.sockets import ClientTls, Deadline, NoSuchName, OutOfTime, Resolver, TimedResolver, dial, look_up
from channels.wire import KeptWires, NoAnswer, NotSent, Reply, Wire

USER_AGENT = "im2-notifications"
MAX_DETAIL = 900  # bytes of an answer that are kept; a detail is at most 1 KiB with its own words
_IDLE_SECONDS = 4.0  # many servers hang up after 5 s; meeting one that is just doing so would leave an open question
_BAD_HEADER = re.compile(r"[^\x20-\x7e\x80-\xff\t]")
_BAD_NAME = re.compile(r"[^A-Za-z0-9!#$%&'*+.^_`|~-]")
# No scheme is that long; without a limit, 64 KiB of letters would take a quarter of a minute.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>]+")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_UNAVAILABLE = 503
_TRANSIENT = frozenset({408, 425, 429})
_LEAST_WAIT, _MOST_WAIT = 1.0, 3_600.0


class Http:
    """Sends to user URLs (or, when `trusted`, to URLs the operator configured, which are not checked).

    `timeout` is the total time of one request in seconds, look-up and TLS included. Safe to share between threads.
    """

    def __init__(
        self,
        timeout: float,
        allowed_networks: Sequence[Network] = (),
        *,
        trusted: bool = False,
        user_agent: str = USER_AGENT,
        resolver: Resolver = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._guard = None if trusted else Guard(allowed_networks)
        self._user_agent = user_agent
        self._resolve = TimedResolver(resolver)
        self._tls = ClientTls(tls)
        self._kept = KeptWires()

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post the body, as `request` does."""
        return self.request("POST", url, body=body, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str],
        deadline: Deadline | None = None,
    ) -> Reply:
        """Send a request and give back the answer, whatever its status.

        Raises Permanent for a URL that may not be reached, and Transient when there was no answer; its `unknown` is
        true only when the whole request had been handed over. Where several requests share one time, they are given
        its `deadline`.
        """
        try:
            target = read_url(url)
        except UrlFault as fault:
            raise Permanent(f"The URL cannot be used: {fault}") from None
        request = self._request(method, target, body, headers)
        deadline = deadline or Deadline.after(self._timeout)
        wire = self._kept.take(target.origin)
        if wire is not None:
            try:
                return self._exchange(target, wire, method, request, deadline)
            except NotSent:
                # The receiver hung up on the idle connection and has not got this request: a new one is safe.
                pass
        try:
            wire = self._open(target, deadline)
            return self._exchange(target, wire, method, request, deadline)
        except NotSent:
            raise Transient("The connection ended before the request was sent.") from None

    def close(self) -> None:
        """Close the kept connections."""
        self._kept.close()

    def _request(self, method: str, target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
        for name, value in headers.items():
            if _BAD_NAME.search(name) or _BAD_HEADER.search(value):
                raise Permanent("A header of this contact cannot be sent.")
            lines.append(f"{name}: {value}")
        lines += [f"User-Agent: {self._user_agent}", "Accept-Encoding: identity", f"Content-Length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body

    def _exchange(self, target: Target, wire: Wire, method: str, request: bytes, deadline: Deadline) -> Reply:
        try:
            reply = wire.exchange(request, deadline, method)
        except NoAnswer as error:
            late = isinstance(error.__cause__, OutOfTime | TimeoutError)
            raise Transient(
                "No answer in time." if late else "The connection ended without a valid answer.", unknown=True
            ) from None
        finally:
            if not wire.reusable:
                wire.close()
        if wire.reusable:
            self._kept.give(target.origin, wire)
        return reply

    def _open(self, target: Target, deadline: Deadline) -> Wire:
        try:
            addresses = self._resolve(target.host, target.port, deadline)
        except NoSuchName:
            raise Transient("The host name could not be resolved.") from None
        except OSError:
            raise Transient("The host name could not be resolved in time.") from None
        if self._guard is not None and not self._guard.allows(target, addresses):
            raise Permanent("The address of this URL is not allowed.")
        try:
            connection = dial(addresses, target.port, deadline)
        except OSError:
            raise Transient("No connection could be made.") from None
        if target.scheme == "http":
            return Wire(connection, idle_seconds=_IDLE_SECONDS)
        try:
            connection.settimeout(deadline.left())
            secured = self._tls().wrap_socket(connection, server_hostname=target.host)
        except ssl.SSLCertVerificationError:
            connection.close()
            raise Transient("The server's certificate is not valid for this host.") from None
        except (OSError, ValueError):
            connection.close()
            raise Transient("No secure connection could be made.") from None
        return Wire(secured, idle_seconds=_IDLE_SECONDS)


def refusal(reply: Reply, now: datetime, *, hide: Iterable[str] = ()) -> DeliveryError | None:
    """What an answer means by the rules common to all channels: None for 2xx, else the error to raise.

    408, 425, 429 and 5xx are transient; any other status is permanent. After a 5xx the message may have been taken all
    the same, but not after a 503, which says that the request was not handled (RFC 9110, section 15.6.4). `hide` are
    secrets that the answer may repeat.
    """
    status = reply.status
    if 200 <= status < 300:
        return None
    said = excerpt(reply.text, hide)
    detail = f"Answered {status}: {said}" if said else f"Answered {status}."
    if status in _TRANSIENT or status >= 500:
        wait = parse_retry_after(reply.headers.get("retry-after"), now)
        return Transient(detail, retry_after=wait, unknown=status >= 500 and status != _UNAVAILABLE, http_status=status)
    return Permanent(detail, http_status=status)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by Retry-After (RFC 9110 §10.2.3: seconds or a date), from 1 s to 1 h; None if unreadable."""
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, _LEAST_WAIT), _MOST_WAIT)


def excerpt(text: str, hide: Iterable[str] = ()) -> str:
    """The beginning of an answer on one line, without URLs and the given secrets, as they are or as JSON has them."""
    text = shown(_SPACE.sub(" ", text))  # first, or it could put a secret together again
    known = {form for secret in filter(None, hide) for form in (secret, json.dumps(secret)[1:-1])}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _URL.sub("(URL)", text).strip()
    return text.encode("utf-8", "replace")[:MAX_DETAIL].decode("utf-8", "ignore")
