"""Talking JSON with a receiver's API, within one deadline for all requests of an attempt."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels.base import DeliveryError, Permanent, Transient
from channels.http import Http, excerpt, parse_retry_after, refusal
from channels.shown import shown_all
from channels.sockets import Deadline

_KEY_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `data` is empty when it was no JSON object; `failure` is None for 2xx, else what to raise."""

    status: int
    data: Mapping[str, Any]
    failure: DeliveryError | None


class JsonApi:
    """One API for the length of an attempt."""

    def __init__(
        self,
        http: Http,
        base: str,
        *,
        headers: Mapping[str, str],
        hide: Sequence[str],
        deadline: Deadline,
        now: Callable[[], datetime],
        wait_header: str = "retry-after",
    ) -> None:
        """`hide` are secrets that an answer may repeat; `wait_header` tells the seconds where Retry-After does not."""
        self._http = http
        self._base = base
        self._headers = {"Accept": "application/json", "Content-Type": "application/json", **headers}
        self._hide = hide
        self._deadline = deadline
        self._now = now
        self._wait_header = wait_header

    def ask(self, method: str, path: str, document: Mapping[str, Any] | bytes = b"") -> Answer:
        """Send a request; raises what the client raises, but gives back a refusal."""
        body = document if isinstance(document, bytes) else encoded(document)
        reply = self._http.request(method, self._base + path, body=body, headers=self._headers, deadline=self._deadline)
        failure = refusal(reply, self._now(), hide=self._hide)
        if reply.status in _KEY_REFUSED and failure is not None:
            failure = key_refused(failure)
        if isinstance(failure, Transient) and failure.retry_after is None:
            failure.retry_after = parse_retry_after(reply.headers.get(self._wait_header), self._now())
        return Answer(reply.status, _object(reply.text), failure)

    def look(self, path: str) -> Answer:
        """Ask for something. Questions change nothing, so one that fails leaves nothing in doubt."""
        try:
            answer = self.ask("GET", path)
        except Transient as failure:
            failure.unknown = False
            raise
        if isinstance(answer.failure, Transient):
            answer.failure.unknown = False
        return answer

    def said(self, text: object) -> str:
        """Words of an answer, fit to be shown."""
        return excerpt(str(text or ""), self._hide)


def key_refused(failure: DeliveryError) -> Permanent:
    """A refusal that means the key, which is of no more use."""
    return Permanent(f"The key is refused. {failure.detail}", disables=True, http_status=failure.http_status)


def encoded(document: Mapping[str, Any]) -> bytes:
    """The document as JSON in UTF-8; it is for people to read, so nothing unseen is in it."""
    return json.dumps(shown_all(document), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        "utf-8", "replace"
    )


def _object(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
