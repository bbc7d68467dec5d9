"""What the shapes of bodies are made of, for their checks and for the documentation.

A schema's attribute `keywords`, and the entry of that name in a field's metadata, are words of JSON Schema for which
marshmallow has none. `examples` in the metadata are what the documentation's examples are put together from.
"""

from collections.abc import Collection, Iterable
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from app.api.context import services
from app.domain.ids import ERASED_USER, USER_ID_FORM, Prefix, id_form
from app.domain.notifications import NOTIFICATION_TYPES

NO_NUL = "^[^\\u0000]*$"
_SOME_UUID = "0194d7a2-3c00-7a1b-9f2e-6d1c0a4b8e57"


class Strict(Schema):
    """A request whose unknown fields are refused."""

    class Meta:
        """Marshmallow's own settings."""

        unknown = RAISE

    error_messages = {"unknown": "Unknown field.", "type": "Must be an object."}


class Answer(Schema):
    """What is answered: every field is in every answer, unless its metadata says `sometimes`."""

    class Meta:
        """Marshmallow's own settings: clients have to bear fields that are added later."""

        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Say so in the documentation."""
        del field_name
        field_obj.required = not field_obj.metadata.get("sometimes", False)


def example_id(prefix: Prefix) -> str:
    """An id as it could be."""
    return f"{prefix}_{_SOME_UUID}"


def identifier(prefix: Prefix, **options: Any) -> fields.String:
    """The id of an event, a notification, an inbox item or a key."""
    return fields.String(metadata=_said([example_id(prefix)], pattern=f"^{id_form(prefix)}$"), **options)


def user_id(**options: Any) -> fields.String:
    """Who a notification is for."""
    return fields.String(metadata=_said(["u-17"], pattern=f"^{USER_ID_FORM}$"), **options)


def reader(**options: Any) -> fields.String:
    """Whose a notification is: a user's, or one who was erased and has no id any more."""
    form = f"^({USER_ID_FORM}|{ERASED_USER})$"
    return fields.String(metadata=_said(["u-17"], f"{ERASED_USER} when they were erased.", pattern=form), **options)


def words(*examples: str, about: str = "", sometimes: bool = False, **options: Any) -> fields.String:
    """A text of ours."""
    return fields.String(metadata=_said(examples, about, sometimes=sometimes), **options)


def short(*examples: str, about: str = "", most: int = 255, **options: Any) -> fields.String:
    """A text of 1 to `most` characters that somebody sends."""
    return fields.String(validate=validate.Length(1, most), metadata=_said(examples, about, pattern=NO_NUL), **options)


def number(*examples: int, about: str = "", **options: Any) -> fields.Integer:
    """A whole number."""
    return fields.Integer(metadata=_said(examples, about), **options)


def one_of(choices: Collection[str], *examples: str, about: str = "", **options: Any) -> fields.String:
    """A text that is one of these."""
    check = validate.OneOf(tuple(choices), error="Allowed: {choices}.")
    return fields.String(validate=check, metadata=_said(examples, about), **options)


class _KnownType(validate.OneOf):
    """Takes the types that come along, which are documented, and those that an operator has added."""

    def __call__(self, value: Any) -> Any:
        added = services().event_types
        if value in self.choices or value in added:
            return value
        raise ValidationError(f"Allowed: {', '.join(dict.fromkeys((*self.choices, *added)))}.")


def notification_type(**options: Any) -> fields.String:
    """A type of notification that somebody asks for."""
    return fields.String(validate=_KnownType(NOTIFICATION_TYPES), **options)


def by_name(names: Collection[str], values: Any, *examples: Any, about: str = "", **options: Any) -> fields.Dict:
    """An object with some of these names, and under each a value of that kind."""
    allowed = {"propertyNames": {"enum": list(names)}}
    return fields.Dict(
        keys=fields.String(), values=values, metadata=_said(examples, about, keywords=allowed), **options
    )


def any_object(*examples: Any, about: str = "", sometimes: bool = False, **options: Any) -> fields.Raw:
    """An object of which nothing more is said here."""
    kind = ["object", "null"] if options.get("allow_none") else "object"
    return fields.Raw(metadata=_said(examples, about, sometimes=sometimes, keywords={"type": kind}), **options)


def _said(examples: Iterable[Any], about: str = "", **more: Any) -> dict[str, Any]:
    shown = list(examples)
    return {**({"examples": shown} if shown else {}), **({"description": about} if about else {}), **more}
