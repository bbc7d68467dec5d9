import json

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.fingerprint import canonical, fingerprint, sameness

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
DATA = st.dictionaries(st.text(max_size=5), JSON, max_size=5)


@settings(deadline=None)
@given(DATA)
def test_the_order_of_fields_does_not_matter(data: dict):
    turned = dict(reversed(data.items()))
    assert canonical(turned) == canonical(data)
    assert sameness("job.failed", "j-9", turned, None) == sameness("job.failed", "j-9", data, None)


@settings(deadline=None)
@given(DATA)
def test_a_way_through_json_does_not_matter(data: dict):
    assert canonical(json.loads(json.dumps(data))) == canonical(data)


@settings(deadline=None)
@given(DATA, DATA)
def test_other_data_is_something_else(one: dict, other: dict):
    same = canonical(one) == canonical(other)
    assert (sameness("job.failed", "j-9", one, None) == sameness("job.failed", "j-9", other, None)) is same


def test_type_and_subject_count():
    first = sameness("job.failed", "j-9", {}, None)
    assert sameness("job.completed", "j-9", {}, None) != first
    assert sameness("job.failed", "j-8", {}, None) != first
    assert sameness("job.failed", None, {}, None) != first


def test_a_dedupe_key_stands_for_everything_else():
    first = sameness("job.failed", "j-9", {"a": 1}, "k")
    assert sameness("job.completed", None, {}, "k") == first
    assert sameness("job.failed", "j-9", {"a": 1}, "other") != first
    assert sameness("job.failed", "j-9", {"a": 1}, None) != first


def test_an_empty_dedupe_key_is_a_key():
    assert sameness("job.failed", "j-9", {}, "") == sameness("job.completed", "j-8", {}, "")


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_recipient_and_channel_count(user: str, channel: str, other_user: str, other_channel: str):
    same = sameness("job.failed", "j-9", {}, None)
    ours, theirs = fingerprint(same, user, channel), fingerprint(same, other_user, other_channel)
    assert len(ours) == 32
    if "\n" not in user + other_user:
        assert (ours == theirs) is ((user, channel) == (other_user, other_channel))
