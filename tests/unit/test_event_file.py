"""`events.toml`: the types that operators add, and what is said of each fault in it."""

from pathlib import Path

import pytest

from app.config import Settings, event_file
from app.config.reader import SettingsError
from app.domain import shapes
from app.domain.events import EVENT_TYPES, USUAL, EventTypes
from app.domain.fields import Choice, Flag, Number, Text, Whole

GOOD = """
[types."billing.overdue"]
severity = "high"
subject = "invoice"
names = { en = "Overdue invoices", de = "Überfällige Rechnungen" }

[types."billing.overdue".data]
invoice = { type = "text", sample = "INV-7", label = { en = "Invoice", de = "Rechnung" } }
amount = { type = "number", minimum = 0 }
days = { type = "integer", default = 14, maximum = 365 }
paid = { type = "boolean", optional = true }
how = { type = "choice", allowed = ["card", "transfer"], optional = true }

[types."billing.overdue".channels]
chat = "off"
mail = "daily"
"""


def read(folder: Path, text: str) -> EventTypes:
    (folder / "events.toml").write_text(text, "utf-8")
    return Settings.load({"DATA_DIR": str(folder)}).event_types


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    return caught.value.faults


def test_without_a_file_there_are_the_types_that_come_along(tmp_path: Path):
    assert Settings.load({"DATA_DIR": str(tmp_path)}).event_types == EVENT_TYPES


def test_a_type_is_read_with_everything_it_says(tmp_path: Path):
    types = read(tmp_path, GOOD)
    assert [*types] == [*EVENT_TYPES, "billing.overdue"]
    known = types["billing.overdue"]
    assert known.required == {"invoice": Text(), "amount": Number(0)}
    assert known.optional == {
        "days": Whole(float("-inf"), 365),
        "paid": Flag(),
        "how": Choice(("card", "transfer")),
    }
    assert (known.priority, known.subject_field, known.fills) == ("high", "invoice", {"days": 14})
    assert known.defaults == {**USUAL, "chat": "off", "mail": "daily"}
    assert known.names == {"en": "Overdue invoices", "de": "Überfällige Rechnungen"}
    assert known.labels == {"invoice": {"en": "Invoice", "de": "Rechnung"}}
    assert known.sample == {"invoice": "INV-7", "amount": 1.5, "days": 14, "paid": True, "how": "card"}


def test_its_data_are_checked_and_the_optional_too(tmp_path: Path):
    known = read(tmp_path, GOOD)["billing.overdue"]
    assert known.data_faults(known.sample) == {}
    bad = {"amount": -1, "days": 1.5, "paid": "yes", "how": "cash"}
    assert known.data_faults(bad) == {
        "invoice": ["Required for billing.overdue."],
        "amount": ["Must be at least 0."],
        "days": ["Must be a whole number."],
        "paid": ["Must be true or false."],
        "how": ["Allowed: card, transfer."],
    }
    assert known.data_faults({"invoice": "x", "amount": 1, "days": 366}) == {"days": ["Must be at most 365."]}


def test_its_schema_says_the_same(tmp_path: Path):
    schema = read(tmp_path, GOOD)["billing.overdue"].data_schema
    assert schema["required"] == ["invoice", "amount"]
    assert schema["properties"] == {
        "invoice": {"type": "string", "pattern": "\\S"},
        "amount": {"type": "number", "minimum": 0},
        "days": {"type": "integer", "maximum": 365},
        "paid": {"type": "boolean"},
        "how": {"type": "string", "enum": ["card", "transfer"]},
    }


def changed(before: str, after: str) -> str:
    assert before in GOOD
    return GOOD.replace(before, after)


FAULTS = {
    "no TOML": ("[types", "events.toml: is not TOML: "),
    "something else": (GOOD + "\n[channels]\nx = 1\n", "events.toml: channels: must not be there"),
    "a name without a dot": (GOOD.replace("billing.overdue", "overdue"), "overdue: must be like billing.overdue"),
    "a name of ours": (GOOD.replace("billing.overdue", "job.failed"), "job.failed: must be like billing.overdue"),
    "a family of ours": (GOOD.replace("billing.overdue", "job.gone"), "must not begin with contact, digest, job"),
    "a severity": (changed('"high"', '"huge"'), "billing.overdue.severity: must be one of low, normal, high, critical"),
    "a key": (changed("severity =", "urgency ="), "billing.overdue.urgency: is not known; allowed: severity, subject"),
    "no English": (changed("en = ", "fr = "), "billing.overdue.names: must have a name in English"),
    "a language": (changed("de = ", "xx = "), "billing.overdue.names.xx: must be a language"),
    "a name of two lines": (changed('"Overdue invoices"', '"a\\nb"'), "names.en: must be a line of 1 to 100 letters"),
    "a subject that is no field": (changed('subject = "invoice"', 'subject = "x"'), "subject: must be one of the req"),
    "a subject that may be absent": (changed('subject = "invoice"', 'subject = "paid"'), "fields: invoice, amount"),
    "a kind of field": (changed('type = "text"', 'type = "date"'), "data.invoice.type: must be one of text, number"),
    "a key of a field": (changed("minimum = 0", "least = 0"), "data.amount.least: is not known; allowed: type"),
    "a bound of a text": (changed('type = "text",', 'type = "text", minimum = 1,'), "data.invoice.minimum: is not kn"),
    "a bound": (changed("minimum = 0", 'minimum = "0"'), "data.amount.minimum: must be a number"),
    "no room between the bounds": (
        changed("default = 14, maximum = 365", "minimum = 9, maximum = 5"),
        "data.days.maximum: must not be below minimum",
    ),
    "a default that no event could have": (
        changed("minimum = 0 }", "default = nan }"),
        "data.amount.default: NaN and Infinity are not JSON numbers.",
    ),
    "a default": (changed("default = 14", "default = 400"), "data.days.default: must be at most 365."),
    "a sample": (changed('"INV-7"', "7"), "data.invoice.sample: must be a non-empty string."),
    "choices": (changed('["card", "transfer"]', "[]"), "data.how.allowed: must list texts"),
    "a flag": (changed("optional = true }\nhow", 'optional = "yes" }\nhow'), "data.paid.optional: must be true or fal"),
    "a name of a field": (changed("amount =", '"a b" ='), "data.a b: must be a word of letters"),
    "a kind of channel": (changed("chat =", "email ="), "channels.email: is not known; allowed: inbox, mail, hook"),
    "a rhythm": (changed('"daily"', '"weekly"'), "channels.mail: must be one of instant, hourly, daily, off"),
    "no data": (GOOD.partition('\n[types."billing.overdue".data]')[0], "data: must name the fields"),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_stops_the_start_and_says_where_and_what_is_allowed(tmp_path: Path, name: str):
    text, said = FAULTS[name]
    found = faults(tmp_path, text)
    assert any(said in fault for fault in found), found
    assert all(fault.startswith("events.toml: ") for fault in found)


ODD = ("[]", "{}", "nan", "-inf", "1e999", "true", "-1", "99999999999999999999", "1979-05-27", '""', '"\\u0000"')
PLACES = (
    'severity = "high"',
    'subject = "invoice"',
    'names = { en = "Overdue invoices", de = "Überfällige Rechnungen" }',
    'type = "text"',
    'sample = "INV-7"',
    'label = { en = "Invoice", de = "Rechnung" }',
    "minimum = 0",
    "default = 14",
    "maximum = 365",
    "optional = true",
    'allowed = ["card", "transfer"]',
    'mail = "daily"',
)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("place", PLACES)
def test_whatever_stands_anywhere_is_a_fault_or_fits(tmp_path: Path, place: str, value: str):
    file, told = tmp_path / "events.toml", []
    file.write_text(changed(place, f"{place.partition(' = ')[0]} = {value}"), "utf-8")
    types = event_file.read(file, lambda where, _allowed: told.append(where))
    assert ("billing.overdue" in types) is (told == [])
    assert all(where.startswith("events.toml: billing.overdue.") for where in told)
    known = types.of("billing.overdue")
    assert known.data_faults({**known.fills, **known.sample}) == {}
    assert shapes.faults({**known.fills, **known.sample}) == []


@pytest.mark.parametrize("text", ["types = 5", 'types = "x"', "[types]\n'billing.overdue' = 5", "[[types]]\nx = 1"])
def test_what_is_no_table_is_named(tmp_path: Path, text: str):
    assert any("must be a table" in fault for fault in faults(tmp_path, text))


def test_all_faults_are_told_at_once(tmp_path: Path):
    text = changed('"high"', '"huge"').replace('"daily"', '"weekly"').replace("default = 14", "default = true")
    assert len(faults(tmp_path, text)) == 3


def test_a_file_that_is_no_text_is_named(tmp_path: Path):
    (tmp_path / "events.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"events\.toml: cannot be read: it is not UTF-8"):
        Settings.load({"DATA_DIR": str(tmp_path)})
