import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.domain.events import EVENT_TYPES
from app.domain.preferences import ChannelTraits
from app.services.merge_patch import merged
from app.services.preference_schema import PreferenceSchema

CHANNELS = (
    ChannelTraits("inapp", "inbox", needs_contact=False),
    ChannelTraits("email", "mail", needs_contact=True),
    ChannelTraits("pagerduty", "alert", needs_contact=True),
)
SCHEMA = PreferenceSchema(CHANNELS)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*SCHEMA.fields, "user_id", "from_defaults", "effective", "else"])


def stored(**given_: Any) -> dict[str, Any]:
    return SCHEMA.document(given_)[0]


def faults(**given_: Any) -> Any:
    with pytest.raises(ValidationError) as caught:
        SCHEMA.document(given_)
    return caught.value.messages


def test_nothing_is_a_document():
    assert SCHEMA.document({}) == ({}, {})


def test_what_is_null_or_empty_is_not_kept():
    nothing = dict.fromkeys(SCHEMA.fields)
    assert SCHEMA.document(nothing) == ({}, {})
    assert stored(events={"job.failed": {"email": None}}, channels={}, muted_subjects=[]) == {}


def test_what_only_answers_carry_is_ignored():
    assert stored(user_id="u-1", effective={"job.failed": 1}) == {}


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("en", "en"),
        ("de", "de"),
        ("pt_BR", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("zh-hans", "zh-Hans"),
        ("zh_Hans_CN", "zh-Hans-CN"),
        ("es-419", "es-419"),
        ("sr-Latn-RS", "sr-Latn-RS"),
        ("de-CH-1996x", "de-CH-1996x"),
    ],
)
def test_locales(given_: str, kept: str):
    assert stored(locale=given_) == {"locale": kept}


@pytest.mark.parametrize("given_", ["", "english", "xx", "en-UK", "e", "en-", "-", "de-DE-", "d" * 99, 1, True, ["en"]])
def test_what_is_no_locale(given_: Any):
    assert "BCP 47" in faults(locale=given_)["locale"][0]


@pytest.mark.parametrize(
    "given_", ["", "Mars/Base", "europe/berlin", "../etc/passwd", "localtime", "Europe", 1, "UTC\x00"]
)
def test_what_is_no_zone(given_: Any):
    assert "IANA" in faults(timezone=given_)["timezone"][0]


@pytest.mark.parametrize("given_", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"])
def test_zones(given_: str):
    assert stored(timezone=given_) == {"timezone": given_}


@pytest.mark.parametrize("given_", ["24:00", "8:00", "08:00:00", "08:60", "0800", "", "٠٨:٠٠", 8, "08:00\n"])
def test_what_is_no_time_of_day(given_: Any):
    assert "00:00 to 23:59" in faults(daily_at=given_)["daily_at"][0]
    assert "00:00 to 23:59" in faults(quiet_hours={"start": given_, "end": "07:00"})["quiet_hours"]["start"][0]


def test_quiet_hours_have_two_ends_and_nothing_else():
    assert set(faults(quiet_hours={})["quiet_hours"]) == {"start", "end"}
    unknown = faults(quiet_hours={"start": "22:00", "end": "07:00", "zone": "UTC"})
    assert unknown["quiet_hours"]["zone"] == ["Unknown field. Allowed: start, end."]


def test_rhythms_and_switches():
    cells = {"job.failed": {"email": "hourly", "inapp": False}, "job.completed": {"email": True, "inapp": None}}
    assert stored(events=cells) == {
        "events": {"job.failed": {"email": "hourly", "inapp": "off"}, "job.completed": {"email": "instant"}}
    }
    assert stored(channels={"email": False, "inapp": True}) == {"channels": {"email": False, "inapp": True}}


@pytest.mark.parametrize("given_", ["weekly", "", 0, 1, math.pi, [], {}, "OFF"])
def test_what_is_no_rhythm(given_: Any):
    messages = faults(events={"job.failed": {"email": given_}})
    assert messages == {"events": {"job.failed": {"email": ["Allowed: instant, hourly, daily, off, true, false."]}}}


@pytest.mark.parametrize("given_", [0, 1, "true", "off", {}, []])
def test_what_is_no_switch(given_: Any):
    assert faults(channels={"email": given_}) == {"channels": {"email": ["Must be true or false."]}}


def test_unknown_names_are_answered_with_the_known_ones():
    assert faults(events={"job.gone": {}})["events"]["job.gone"] == [
        f"Unknown event type. Allowed: {', '.join(EVENT_TYPES)}."
    ]
    assert faults(events={"job.failed": {"fax": "off"}})["events"]["job.failed"]["fax"] == [
        "Unknown channel. Allowed: inapp, email, pagerduty."
    ]
    assert faults(contacts={"inapp": {}})["contacts"]["inapp"] == ["Unknown channel. Allowed: email, pagerduty."]
    assert faults(what=1)["what"][0].startswith("Unknown field. Allowed: locale, timezone,")


@pytest.mark.parametrize("type_", ["system.error", "quota.exceeded"])
@pytest.mark.parametrize("rhythm", ["off", False, "hourly", "daily"])
def test_the_inbox_cell_of_critical_types_is_locked_and_says_why(type_: str, rhythm: Any):
    (message,) = faults(events={type_: {"inapp": rhythm}})["events"][type_]["inapp"]
    assert message == "Locked at instant: the inbox always keeps critical events."


def test_progress_is_locked_on_alerts():
    (message,) = faults(events={"job.progress": {"pagerduty": True}})["events"]["job.progress"]["pagerduty"]
    assert message == "Locked at off: progress never raises an alert."


def test_a_locked_cell_sent_as_it_is_is_fine_and_not_kept():
    assert stored(events={"system.error": {"inapp": "instant"}, "job.progress": {"pagerduty": False}}) == {}


def test_every_other_cell_can_be_turned_off():
    for type_ in EVENT_TYPES:
        assert stored(events={type_: {"email": "off"}}) == {"events": {type_: {"email": "off"}}}


def test_muted_subjects_are_at_most_two_hundred_and_count_once():
    assert stored(muted_subjects=["b", "a", "b"]) == {"muted_subjects": ["b", "a"]}
    assert len(stored(muted_subjects=[str(n) for n in range(200)])["muted_subjects"]) == 200
    assert "200" in faults(muted_subjects=[str(n) for n in range(201)])["muted_subjects"][0]
    assert set(faults(muted_subjects=["a", "", "b" * 256, 3])["muted_subjects"]) == {1, 2, 3}


def test_muted_until_is_kept_in_utc():
    assert stored(muted_until="2026-11-23T10:00:00+02:00") == {"muted_until": "2026-11-23T08:00:00+00:00"}
    assert "muted_until" in faults(muted_until="2026-11-23T10:00:00")
    assert "muted_until" in faults(muted_until="tomorrow")


def test_escalations():
    wanted = {"job.failed": {"after_minutes": 15, "to": ["email"]}}
    assert stored(escalate=wanted) == {"escalate": wanted}
    assert stored(escalate={"job.failed": None}) == {}
    assert stored(escalate={"job.failed": False}) == {"escalate": {"job.failed": False}}
    assert "job.failed" in faults(escalate={"job.failed": True})["escalate"]
    messages = faults(escalate={"job.failed": {"after_minutes": 0, "to": ["fax"], "why": 1}, "job.gone": wanted})
    assert set(messages["escalate"]["job.failed"]) == {"after_minutes", "to", "why"}
    assert messages["escalate"]["job.failed"]["to"] == ["Allowed: email, pagerduty."]
    for type_, channel in (("job.failed", "inapp"), ("job.progress", "pagerduty")):
        assert "to" in faults(escalate={type_: {"after_minutes": 5, "to": [channel]}})["escalate"][type_]
    twice = {"job.failed": {"after_minutes": 15, "to": ["email", "pagerduty", "email"]}}
    assert stored(escalate=twice)["escalate"]["job.failed"]["to"] == ["email", "pagerduty"]
    assert "Allowed" in messages["escalate"]["job.gone"][0]
    assert set(faults(escalate={"job.failed": {}})["escalate"]["job.failed"]) == {"after_minutes", "to"}
    for minutes in (1.5, True, "15", 10_081):
        assert (
            "after_minutes"
            in faults(escalate={"job.failed": {"after_minutes": minutes, "to": ["email"]}})["escalate"]["job.failed"]
        )


@settings(deadline=None)
@given(JSON | st.dictionaries(NAMES, JSON))
def test_whatever_comes_is_read_or_refused(given_: Any):
    try:
        document, contacts = SCHEMA.document(given_)
    except ValidationError:
        return
    assert set(document) <= set(SCHEMA.fields) - {"contacts"}
    assert SCHEMA.document({**document, "contacts": contacts}) == (document, contacts)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_as_in_the_appendix_of_the_rfc(target: Any, patch: Any, result: Any):
    assert merged(target, patch) == result
