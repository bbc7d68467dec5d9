"""Why a notification is where it is: one sentence for each status and reason, in the reader's language."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.rendering import steps
from app.rendering.catalogues import N_, Catalogues, formats_for
from app.rendering.filters import Reader
from app.rendering.render import zone_of
from app.rendering.text import clip, one_line

_DECISIONS: Final[Mapping[str, str]] = {"hold": "held", "suppress": "suppressed"}
"""How the answers of a plan are called once they are a status."""

_PLAIN: Final[Mapping[tuple[str, str | None], str]] = {
    ("pending", None): N_("Waiting to be sent."),
    ("sending", None): N_("Being sent right now."),
    ("retrying", None): N_("The last attempt failed; another one will follow."),
    ("delivered", None): N_("Delivered."),
    ("digested", None): N_("Sent as part of a digest."),
    ("expired", None): N_("Not sent: it expired before it could be sent."),
    ("held", None): N_("Held for later."),
    ("held", "rate_limited"): N_("Held: too many messages in a short time."),
    ("held", "quiet_hours"): N_("Held: quiet hours."),
    ("held", "digest"): N_("Held: it will be sent in a digest."),
    ("held", "scheduled"): N_("Held until its scheduled time."),
    ("held", "unread"): N_("Held: it will be sent if it stays unread in the inbox."),
    ("held", "muted"): N_("Held: notifications are muted."),
    ("held", "breaker_open"): N_("Held: the receiver isn't responding right now."),
    ("held", "paused"): N_("Held: the operators have paused this channel."),
    ("suppressed", None): N_("Not sent."),
    ("suppressed", "duplicate"): N_("Not sent: the same message was sent shortly before."),
    ("suppressed", "opted_out"): N_("Not sent: turned off in the preferences."),
    ("suppressed", "muted"): N_("Not sent: this subject is muted in the preferences."),
    ("suppressed", "no_contact"): N_("Not sent: there is no usable address for this channel in the preferences."),
    ("suppressed", "unverified"): N_("Not sent: the address for this channel has not been confirmed yet."),
    ("suppressed", "superseded"): N_("Not sent: a newer message about the same subject took its place."),
    ("suppressed", "rate_limited"): N_("Not sent: too many messages in a short time."),
    ("suppressed", "default"): N_("Not sent: this channel is off by default for this type of event."),
    ("suppressed", "locked"): N_("Not sent: this type of event never goes to this channel."),
    ("suppressed", "nothing_open"): N_("Not sent: there is no open alert about this subject to close."),
    ("suppressed", "closes_nothing"): N_("Not sent: there was no alert left to close, or it has to stay open."),
    ("failed", None): N_("Failed."),
    ("failed", "rejected"): N_("Failed: the receiver refused it."),
    ("failed", "bad_address"): N_("Failed: the address does not work."),
    ("failed", "render_error"): N_("Failed: the template could not be rendered."),
    ("failed", "attempts_exhausted"): N_("Failed: the last attempt was unsuccessful too."),
    ("failed", "too_large"): N_("Failed: it is too large for the receiver."),
    ("cancelled", None): N_("Cancelled."),
    ("cancelled", "requested"): N_("Cancelled on request before it was sent."),
    ("cancelled", "read"): N_("Cancelled: it was already read in the inbox."),
    ("cancelled", "erased"): N_("Cancelled: the recipient's data was erased."),
    ("send", None): N_("Sent immediately."),
    ("send", "user"): N_("Sent immediately: chosen in the preferences."),
    ("send", "default"): N_("Sent immediately: this is the default."),
    ("send", "required"): N_("Sent immediately: this can't be turned off."),
    ("send", "closes_alert"): N_("Sent immediately: it closes the open alert about this subject."),
}

_UNTIL: Final[Mapping[tuple[str, str | None], str]] = {
    ("held", None): N_("Held until %(time)s."),
    ("held", "rate_limited"): N_("Held until %(time)s: too many messages in a short time."),
    ("held", "quiet_hours"): N_("Held until %(time)s: your quiet hours."),
    ("held", "digest"): N_("Held until %(time)s, to be sent in a digest."),
    ("held", "breaker_open"): N_("Held until %(time)s: the receiver isn't responding right now."),
    ("held", "scheduled"): N_("Held until %(moment)s, the scheduled time."),
    ("held", "unread"): N_("Held until %(moment)s, then sent if it is still unread in the inbox."),
    ("held", "muted"): N_("Held until %(moment)s: notifications are muted until then."),
    ("retrying", None): N_("The last attempt failed; the next one is on %(moment)s."),
}
"""With the time at which the waiting ends: the time of day where it is less than a day away, else the full moment."""

_BY_SOURCE: Final[Mapping[str, str]] = {"default": "default", "required": "locked"}
"""A cell that is off may be so by default, or because it can't be turned on; both have the reason opted_out."""
_MOST_FACT = 200


class Translator:
    """Tells people in their language why something was, or was not, sent. Safe to share between threads."""

    def __init__(self, *, translations: Path, default_locale: str) -> None:
        self._catalogues = Catalogues(translations, default_locale)

    def because(
        self,
        status: str,
        reason: str | None,
        locale: str,
        *,
        until: datetime | None = None,
        timezone: str = "UTC",
        **facts: object,
    ) -> str:
        """One sentence for a status, or for a decision of a plan (send, hold, suppress), and its reason.

        `until` is when the waiting ends, said in the zone. Facts that change the sentence: `attempts`, how many were
        made when they are used up; `in_doubt`, whether one of those may have arrived; `source`, whose choice turned a
        cell off (user, default, required); `unverified`, whether there is an address that waits for its confirmation;
        `closes_alert`, whether it was to close an alert; `fallback`, whether it waits for being read in the inbox.
        A reason that is not known gives the sentence of its status alone.
        """
        used = self._catalogues.resolve(locale)
        speech = self._catalogues.translations(used)
        status = _DECISIONS.get(status, status)
        if reason == "opted_out":
            reason = _BY_SOURCE.get(str(facts.get("source")), reason)
        if reason == "no_contact" and facts.get("unverified"):
            reason = "unverified"
        if reason == "superseded" and facts.get("closes_alert"):
            reason = "closes_nothing"
        if reason == "scheduled" and facts.get("fallback"):
            reason = "unread"
        attempts = facts.get("attempts")
        if reason == "attempts_exhausted" and isinstance(attempts, int) and attempts > 0:
            if facts.get("in_doubt"):
                counted = speech.ngettext(
                    "Failed after %(count)s attempt, which may still have arrived.",
                    "Failed after %(count)s attempts, one of which may still have arrived.",
                    attempts,
                )
            else:
                counted = speech.ngettext(
                    "Failed after %(count)s attempt.",
                    "Failed after %(count)s attempts.",
                    attempts,
                )
            return counted % {"count": attempts}
        if until is not None and (timed := _sentence(_UNTIL, status, reason)):
            reader = Reader(formats_for(locale, used), zone_of(timezone))
            return speech.gettext(timed) % {"time": reader.clock(until), "moment": reader.moment(until)}
        plain = _sentence(_PLAIN, status, reason)
        return speech.gettext(plain) if plain else clip(one_line(status), _MOST_FACT)

    def step(self, step: str, detail: Mapping[str, Any], locale: str, *, timezone: str = "UTC") -> str:
        """One sentence for a step on a notification's way, from what was recorded about it."""
        sentence = steps.told(step, detail)
        if sentence is None:
            until = detail.get("until")
            moment = datetime.fromisoformat(until) if isinstance(until, str) else None
            status = str(detail.get("decision") or step)
            return self.because(status, detail.get("reason"), locale, until=moment, timezone=timezone)
        used = self._catalogues.resolve(locale)
        language = steps.language(detail.get("locale"), formats_for(locale, used))
        gaps = {"number": detail.get("attempt"), "language": language}
        return self._catalogues.translations(used).gettext(sentence) % gaps


def _sentence(sentences: Mapping[tuple[str, str | None], str], status: str, reason: str | None) -> str | None:
    return sentences.get((status, reason)) or sentences.get((status, None))
