"""Shapes of sessions."""

from marshmallow import fields, validate

from app.api.parts import NO_NUL, Answer, Strict, one_of, words
from app.services.identity import SCOPES

_LONGEST = 4096


class SessionRequest(Strict):
    """What a session is opened with."""

    token = fields.String(
        required=True,
        validate=validate.Length(1, _LONGEST),
        metadata={
            "description": "A service's key, or a user's token.",
            "examples": ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"],
            "pattern": NO_NUL,
        },
    )


class SessionOpened(Answer):
    """A session that was opened."""

    csrf_token = words("9b74c9897bac770ffc029102a200c5de…", about="For the header X-CSRF-Token of each write.")
    expires_at = fields.AwareDateTime()


class SessionAnswer(Answer):
    """Who is asking."""

    kind = one_of(("user", "key"), "user")
    id = words("u-17", about="The user's id, or the key's.")
    scopes = fields.List(one_of(SCOPES, "events:write"), metadata={"description": "Of a key; a user has none."})
    csrf_token = words("9b74c9897bac770ffc029102a200c5de…", about="Null without a session.", allow_none=True)
