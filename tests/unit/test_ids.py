from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ids import first_id, is_id, is_user_id, new_id

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis asks for naive bounds


@settings(deadline=None)
@given(MOMENTS)
def test_an_id_is_a_uuid_of_version_7_that_holds_its_time(moment: datetime):
    made = new_id("ntf", moment)
    assert is_id("ntf", made)
    uuid = UUID(made.removeprefix("ntf_"))
    assert (uuid.version, uuid.variant) == (7, "specified in RFC 4122")
    assert uuid.int >> 80 == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@settings(deadline=None)
@given(MOMENTS, st.integers(1, 10**9))
def test_a_later_id_sorts_later(moment: datetime, microseconds: int):
    assert new_id("ntf", moment) < new_id("ntf", moment + timedelta(microseconds=microseconds))


@given(MOMENTS)
def test_the_first_id_of_a_moment_is_between_those_before_and_those_of_it(moment: datetime):
    first = first_id("ntf", moment)
    assert is_id("ntf", first)
    assert new_id("ntf", moment - timedelta(microseconds=1)) < first <= new_id("ntf", moment)


def test_ids_of_one_moment_differ():
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert len({new_id("itm", now) for _ in range(10_000)}) == 10_000


def test_an_id_of_another_kind_is_none():
    assert not is_id("evt", new_id("ntf", datetime(2026, 11, 22, tzinfo=UTC)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ntf_",
        "ntf_1",
        "ntf_0190a1b2-0000-4000-8000-000000000000",
        "ntf_0190a1b2-0000-7000-c000-000000000000",
        "NTF_0190a1b2-0000-7000-8000-000000000000",
        "ntf_0190A1B2-0000-7000-8000-000000000000",
        "ntf_0190a1b2-0000-7000-8000-000000000000\n",
    ],
)
def test_what_only_looks_like_an_id_is_none(text: str):
    assert not is_id("ntf", text)


@pytest.mark.parametrize("text", ["u-17", "a", "0", "ada@example.com", "a:b+c.d_e", "u" * 128])
def test_user_ids(text: str):
    assert is_user_id(text)


@pytest.mark.parametrize("text", ["", "_defaults", "-a", "u" * 129, "a b", "ü", "a/b", "a\n", "a\x00"])
def test_what_cannot_name_a_user(text: str):
    assert not is_user_id(text)
