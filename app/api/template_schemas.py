"""Shapes of templates, for the documentation and for query strings."""

from marshmallow import Schema, fields, validate

from app.api.parts import Answer, Strict, by_name, number, one_of, words
from app.domain.events import EVENT_TYPES
from app.rendering.overrides.override import ANY, MOST_BYTES, PIECES, worded_types
from channels.registry import channel_names

_SOURCE = "{{ data.job_id }} broke: {{ data.error|one_line|clip(100) }}"
_VERSION = "job.failed/email/de@3"
_CHANNELS = (*channel_names(), ANY)

_TYPES = worded_types(EVENT_TYPES)


class TemplatePieces(Strict):
    """Templates of some pieces; what is not there is taken from what comes along."""

    class Meta(Strict.Meta):
        """Marshmallow's own settings: names with a dot in them are no names of attributes."""

        include = {name: fields.String(validate=validate.Length(max=MOST_BYTES)) for name in PIECES}

    keywords = {"minProperties": 1, "examples": [{"subject.txt": _SOURCE}]}


class TemplateRollback(Strict):
    """Which version is to be taken up again."""

    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1), metadata={"examples": [1]})


class DifferenceQuery(Schema):
    """Which versions are compared; 0 is what comes along."""

    from_ = fields.Integer(
        data_key="from",
        load_default=None,
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "By default the one before `to`."},
    )
    to = fields.Integer(
        load_default=None,
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "By default the newest."},
    )


_ERRORS = by_name(
    PIECES,
    fields.List(fields.String()),
    {},
    about="Why it is not in force, by piece; empty when nothing is wrong.",
)


class TemplateInfo(Answer):
    """An override, in force or refused."""

    template = words("job.failed/email/de", about="Type, channel and language, or the file that cannot be one.")
    origin = one_of(("database", "file"), "database")
    template_version = words(_VERSION, allow_none=True)
    pieces = fields.List(one_of(PIECES, "subject.txt"))
    in_force = fields.Boolean(metadata={"examples": [True]})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"examples": [{}], "description": "Why it is not, by piece or file."},
    )


class Templates(Answer):
    """What can be worded otherwise, and what is."""

    types = fields.List(one_of(_TYPES, "job.failed"))
    channels = by_name(
        _CHANNELS,
        fields.List(one_of(PIECES)),
        {"email": ["subject.txt", "body.txt", "body.html"]},
        about="The pieces of each channel.",
    )
    locales = fields.List(words("de"))
    items = fields.List(fields.Nested(TemplateInfo))


class TemplatePiece(Answer):
    """A piece as it is in force."""

    source = words(_SOURCE)
    origin = one_of(("database", "file", "built-in"), "database")


class TemplateChange(Answer):
    """A version of an override."""

    version = number(3)
    change = one_of(("saved", "removed", "restored"), "saved")
    restores = fields.Integer(allow_none=True, metadata={"description": "The version that was taken up again."})
    at = fields.AwareDateTime()
    by = words("key:admin")
    template_version = words(
        _VERSION, about="What notifications keep of it; null when it was removed.", allow_none=True
    )


class StoredTemplateVersion(TemplateChange):
    """The same, with its sources."""

    sources = by_name(PIECES, fields.String(), {"subject.txt": _SOURCE})


class TemplateVersions(Answer):
    """Every version of an override, the newest first."""

    items = fields.List(fields.Nested(StoredTemplateVersion))


class Template(Answer):
    """What readers get there, and how it came to be."""

    type = one_of(_TYPES, "job.failed")
    channel = one_of(_CHANNELS, "email")
    locale = words("de")
    version = number(3, about="How often this was changed through the API; the ETag.")
    template_version = words(_VERSION, about="Of what is in force, maybe of a wider place.", allow_none=True)
    origin = one_of(("database", "file", "built-in"), "database")
    pieces = by_name(PIECES, fields.Nested(TemplatePiece), {"subject.txt": {"source": _SOURCE, "origin": "database"}})
    errors = _ERRORS
    history = fields.List(fields.Nested(TemplateChange))


class TemplateDifference(Answer):
    """What one version says otherwise than another."""

    from_ = fields.Integer(data_key="from", metadata={"examples": [0]})
    to = number(1)
    pieces = by_name(PIECES, fields.String(), {"subject.txt": "--- subject.txt@0\n+++ subject.txt@1\n…"})
