"""Signed texts that stand for somebody for a while: JWTs, by HS256."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.domain.clock import Clock
from app.domain.ids import is_user_id

if TYPE_CHECKING:
    from jwt.types import Options

# One made by somebody else with our key may be a little ahead of our clock, and no more.
_CLOCK_SKEW = timedelta(seconds=60)


def derived_key(secret_key: str, purpose: str) -> bytes:
    """A key for one purpose: what it signs is worth nothing anywhere else."""
    return hashlib.sha256(f"im2-notifications {purpose}\n{secret_key}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Signed:
    """Whom a token stands for, and when that was signed; one that does not say is as old as it can be."""

    holder: str
    issued_at: datetime


class UserTokens:
    """One kind of token: its key, whom it is made for (`aud`), how long it may live, and whom it may stand for."""

    def __init__(
        self,
        clock: Clock,
        *,
        key: bytes,
        audience: str,
        lifetime: timedelta,
        fits: Callable[[str], bool] = is_user_id,
    ) -> None:
        self._clock = clock
        self._key = key
        self._audience = audience
        self._lifetime = lifetime
        self._fits = fits

    def issue(self, holder: str, since: datetime | None = None) -> tuple[str, datetime]:
        """A token for a user, or whoever this kind stands for, and when it stops working.

        What is made from another token was signed when that one was: `since`.
        """
        # Its four megabytes are of use where people sign in, and of none in workers and the relay.
        import jwt  # noqa: PLC0415

        now = self._clock.now()
        expires = now.replace(microsecond=0) + self._lifetime
        claims = {"sub": holder, "aud": self._audience, "iat": (since or now).timestamp(), "exp": expires}
        return jwt.encode(claims, self._key, algorithm="HS256"), expires

    def read(self, token: str) -> Signed | None:
        """What a token says, or None when it is no good, or not now."""
        import jwt  # noqa: PLC0415 - as above

        # Times are checked here, against our clock.
        options: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        options["require"] = ["sub", "aud", "exp"]
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], audience=self._audience, options=options)
            expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
            issued = datetime.fromtimestamp(float(claims["iat"]), UTC) if "iat" in claims else expires - self._lifetime
            begins = datetime.fromtimestamp(int(claims.get("nbf", 0)), UTC)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError):
            return None
        now = self._clock.now()
        lives = begins - _CLOCK_SKEW <= now < expires <= now + self._lifetime + _CLOCK_SKEW
        holder: str = claims["sub"]
        return Signed(holder, issued) if lives and self._fits(holder) else None
