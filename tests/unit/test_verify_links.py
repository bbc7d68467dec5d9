"""What opens an address: a signature that fits one mail, one user and one address, and is stored nowhere."""

import pytest

from app.services.verify_links import VerifyLinks
from channels.base import Contact
from tests.fakes.samples import message

MAIL, USER = "ntf_01a20320-a200-7000-9590-97e0d49e7844", "u-1"
ADDRESS = Contact({"address": "ana@b.example"})


@pytest.fixture
def links() -> VerifyLinks:
    return VerifyLinks("a secret key for tests, long enough")


@pytest.fixture
def token(links: VerifyLinks) -> str:
    return links.token(MAIL, USER, ADDRESS)


def test_a_token_fits_what_it_was_made_for(links: VerifyLinks, token: str):
    assert links.fits(token, MAIL, USER, ADDRESS)
    assert token.startswith(f"{MAIL}.")
    assert "ana" not in token
    assert USER not in token.removeprefix(MAIL)


@pytest.mark.parametrize(
    ("mail", "user", "contact"),
    [
        (MAIL.replace("7844", "7845"), USER, ADDRESS),
        (MAIL, "u-2", ADDRESS),
        (MAIL, USER, Contact({"address": "Ana@b.example"})),
        (MAIL, USER, Contact({"address": "ana@b.example "})),
        (MAIL, USER, Contact({})),
    ],
)
def test_a_token_fits_nothing_else(links: VerifyLinks, token: str, mail: str, user: str, contact: Contact):
    assert not links.fits(token, mail, user, contact)
    assert not links.fits(token.replace(MAIL, mail), mail, user, contact)


@pytest.mark.parametrize("end", ["", "x", "=", "\ud800", "é"])
def test_a_token_that_is_not_whole_does_not_fit(links: VerifyLinks, token: str, end: str):
    assert not links.fits(token[:-1] + end, MAIL, USER, ADDRESS)
    assert not links.fits(f"{MAIL}.{end}", MAIL, USER, ADDRESS)


def test_another_installation_makes_other_tokens(token: str):
    assert not VerifyLinks("a secret key for tests, long enough!").fits(token, MAIL, USER, ADDRESS)


def test_the_link_goes_where_the_blank_is_and_nowhere_else(links: VerifyLinks, token: str):
    blank = "https://im2.example/ui/verify/…"
    mail = message(
        notification_id=MAIL, user_id=USER, title="…", text=f"Open {blank} … now", html=f'<a href="{blank}">…</a>'
    )
    filled = links.filled(mail, ADDRESS)
    assert filled.text == f"Open https://im2.example/ui/verify/{token} … now"
    assert filled.html == f'<a href="https://im2.example/ui/verify/{token}">…</a>'
    assert filled.title == "…"
    assert links.filled(message(notification_id=MAIL, html=None), ADDRESS).html is None
