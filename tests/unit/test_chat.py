"""What chat channels have in common: their contacts, what may be trusted, and how a message is cut and marked."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import discord, slack
from channels.base import ChannelEnv, Contact, ContactError, Message
from channels.chat import ChatHook
from channels.looks import fitted, footer_of, link_of, look_of
from tests.fakes import discord as fake_discord
from tests.fakes import slack as fake_slack
from tests.fakes.samples import channel_env, message

URL = "https://hooks.example/services/T0SECRET/B0SECRET/hookSecretToken"
OWN = "http://127.0.0.1:9/services/T0OWN/B0OWN/operatorsToken"
LOOSE = st.text(st.characters(exclude_categories=()), max_size=400)


@pytest.fixture(params=["slack", "discord"])
def channel(request: pytest.FixtureRequest, tmp_path: Path) -> ChatHook:
    """Nothing private is allowed to users."""
    return made(request.param, channel_env(tmp_path, allowed_networks=[], slack_url=OWN, discord_url=OWN))


def made(name: str, env: ChannelEnv) -> ChatHook:
    return {"slack": slack.Slack, "discord": discord.Discord}[name].build(env)


def test_the_url_is_a_secret_and_is_shown_masked(channel: ChatHook):
    contact = channel.read_contact({"url": URL}, None)
    assert contact == Contact({}, {"url": URL})
    assert channel.show_contact(contact) == {"url": {"set": True, "last4": "oken"}}


def test_another_url_takes_the_place_of_the_old_one(channel: ChatHook):
    before = channel.read_contact({"url": URL}, None)
    assert channel.read_contact({"url": f"{URL}2"}, before) == Contact({}, {"url": f"{URL}2"})
    for shown in ({"set": True}, channel.show_contact(before)["url"]):
        assert channel.read_contact({"url": shown}, before) == before
    with pytest.raises(ContactError):
        channel.read_contact({"url": None}, before)


def test_a_url_that_is_shown_otherwise_is_not_the_one_that_is_kept(channel: ChatHook):
    before = channel.read_contact({"url": URL}, None)
    with pytest.raises(ContactError) as caught:
        channel.read_contact({"url": {"set": True, "last4": "what"}}, before)
    assert caught.value.messages == {"url": ["Is not the one that is set, which ends otherwise; send it whole."]}


def test_the_operators_are_reached_where_the_environment_says(channel: ChatHook, tmp_path: Path):
    contact = channel.operators_contact()
    assert contact is not None
    assert contact.secret == {"url": OWN}
    assert channel.show_contact(contact) == {"url": {"set": True, "last4": "oken"}}
    assert channel.read_contact(channel.show_contact(contact), contact) == contact
    assert made(channel.name, channel_env(tmp_path)).operators_contact() is None


@pytest.mark.parametrize(
    "given_contact",
    [
        {"url": OWN},
        {"url": OWN, "from": "environment"},
        {"url": URL, "from": "environment"},
        {"url": {"set": True, "last4": "oken"}, "from": "environment"},
        {"url": {"set": True, "last4": "oken", "from": "environment"}},
        {"url": {"from": "environment", "url": OWN}},
    ],
)
def test_no_input_makes_a_contact_trusted(channel: ChatHook, given_contact: object):
    with pytest.raises(ContactError):
        channel.read_contact(given_contact, None)


@given(
    st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=9)
)
def test_whatever_is_sent_is_refused_or_has_no_mark(given_contact: object):
    for name in ("slack", "discord"):
        channel = made(name, channel_env(Path()))
        for one in (given_contact, {"url": given_contact}, {"url": URL, "from": given_contact}):
            with suppress(ContactError):
                assert channel.read_contact(one, None).public == {}


def test_the_operators_url_is_trusted_no_more_once_it_is_changed(channel: ChatHook):
    trusted = channel.operators_contact()
    assert channel.read_contact({"url": URL}, trusted).public == {}
    with pytest.raises(ContactError):
        channel.read_contact({"url": OWN}, trusted)


def test_a_target_tells_hooks_apart_and_names_their_host(channel: ChatHook):
    urls = [URL, f"{URL}2", "https://Hooks.Example:443/services/T0SECRET/B0SECRET/hookSecretToken"]
    targets = [channel.target(Contact({}, {"url": url})) for url in urls]
    assert targets[0] == targets[2] != targets[1]
    assert all(target.startswith("https://hooks.example:443#") for target in targets)


@pytest.mark.parametrize("name", ["slack", "discord"])
@given(
    changes=st.fixed_dictionaries(
        {"title": LOOSE, "text": LOOSE, "source": LOOSE | st.none(), "severity": LOOSE, "link_label": LOOSE},
        optional={"link": LOOSE, "type": st.just("job.failed")},
    ),
    times=st.sampled_from([1, 20, 100]),
)
def test_any_words_are_within_the_limits_that_the_service_has(name: str, changes: dict[str, str | None], times: int):
    given_message = message(**{field: value and value * times for field, value in changes.items()})
    assert faults(name, given_message) is None


def faults(name: str, given_message: Message) -> object:
    """What the service would find wrong, once the document has been on its way."""
    document = {"slack": slack, "discord": discord}[name].document_of(given_message)
    arrived = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    return {"slack": fake_slack, "discord": fake_discord}[name].payload_fault(arrived)


@pytest.mark.parametrize(
    ("most", "fits"), [(11, "a&amp;&amp;"), (10, "a&amp;…"), (7, "a&amp;…"), (6, "a…"), (2, "a…"), (1, "…")]
)
def test_a_cut_splits_no_escape(most: int, fits: str):
    assert fitted("a&&", most, slack.escape) == fits


@given(LOOSE, st.integers(1, 60))
def test_what_is_cut_is_a_beginning_and_as_long_as_fits(text: str, most: int):
    for escape in (slack.escape, discord.escape):
        cut = fitted(text, most, escape)
        assert len(cut) <= most
        if cut != escape(text.strip()):
            assert cut.endswith("…")
            assert escape(text.strip()).startswith(cut[:-1])


def test_how_urgent_it_is_shows_by_a_sign_of_its_own():
    looks = [look_of(message(priority=priority)) for priority in ("low", "normal", "high", "critical")]
    looks.append(look_of(message(priority="critical", resolved=True)))
    assert len({look.sign for look in looks}) == len({look.colour for look in looks}) == 5


def test_a_footer_has_the_source_and_a_short_id():
    given_message = message(notification_id="ntf_019ad1f0-0000-7000-8000-00001a2b3c4d")
    assert footer_of(given_message) == ("encoder", "#1a2b3c4d")
    assert footer_of(replace(given_message, source=None)) == ("#1a2b3c4d",)


@pytest.mark.parametrize(
    ("link", "taken"),
    [
        ("https://im2.example/ui/history?subject_key=a%20b&x=1", True),
        ("http://127.0.0.1:8000/ui", True),
        (None, False),
        ("", False),
        ("javascript:alert(1)", False),
        ("https://im2.example/|x>", False),
        ("https://im2.example/ x", False),
        ("https://im2.example/\n", False),
        (f"https://im2.example/{'x' * 2_048}", False),
    ],
)
def test_only_links_that_stay_links_are_taken(link: str | None, taken: bool):
    assert (link_of(message(link=link)) is not None) is taken
