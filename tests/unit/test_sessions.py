"""Sessions of the pages: what a cookie is worth, what it needs beside it, and when it ends."""

from http.cookies import SimpleCookie

import pytest

from app.services.departures import Departures
from tests.fakes.product import ADMIN_KEY, SECRET_KEY, Product, build_product

ME = "u-me"
NAME = "im2n_session"
EVENT = {"type": "job.failed", "recipients": [ME], "data": {"job_id": "j-9", "error": "disk full"}}


class Browser:
    """Somebody with a cookie."""

    def __init__(self, product: Product, token: str) -> None:
        self._product = product
        self.opened = product.call("POST", "/ui/session", None, json={"token": token})
        assert self.opened.status_code == 200
        (self.morsel,) = SimpleCookie(self.opened.headers["Set-Cookie"]).values()
        self.csrf = {"X-CSRF-Token": self.opened.json["csrf_token"]}

    def call(self, method: str, path: str, token: str | None = None, **request):
        cookie = {"Cookie": f"{self.morsel.key}={self.morsel.value}"}
        return self._product.call(method, path, token, headers={**request.pop("headers", {}), **cookie}, **request)


def test_a_users_session_opens_what_is_theirs(product):
    browser = Browser(product, product.token(ME))
    assert browser.call("GET", f"/inbox/{ME}").status_code == 200
    assert browser.call("GET", "/inbox/u-else").status_code == 404
    assert browser.call("GET", "/channels").status_code == 403
    assert browser.call("GET", "/ui/session").json == {
        "kind": "user",
        "id": ME,
        "scopes": [],
        "csrf_token": browser.opened.json["csrf_token"],
    }


def test_a_keys_session_has_its_scopes(product):
    browser = Browser(product, product.key("users:read"))
    assert browser.call("GET", f"/inbox/{ME}").status_code == 200
    assert browser.call("POST", "/events", headers=browser.csrf, json=EVENT).status_code == 403
    assert browser.call("GET", "/ui/session").json["scopes"] == ["users:read"]


def test_no_script_reads_the_cookie_and_no_other_site_sends_it(product):
    morsel = Browser(product, ADMIN_KEY).morsel
    assert (morsel.key, morsel["httponly"], morsel["samesite"], morsel["path"]) == (NAME, True, "Lax", "/")
    assert (morsel["domain"], morsel["secure"], morsel["max-age"]) == ("", "", "28800")


def test_by_https_the_browser_holds_us_to_it(tmp_path, migrated):
    product = build_product(tmp_path, migrated, {"PUBLIC_URL": "https://im2.example/notifications"})
    browser = Browser(product, ADMIN_KEY)
    assert (browser.morsel.key, browser.morsel["secure"], browser.morsel["path"]) == (f"__Host-{NAME}", True, "/")
    assert browser.call("GET", "/channels").status_code == 200
    product.services.close()


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "\xfc"}])
def test_what_another_page_could_send_changes_nothing(product, headers):
    browser = Browser(product, product.token(ME))
    before = product.call("GET", f"/preferences/{ME}").json
    answer = browser.call("PATCH", f"/preferences/{ME}", headers=headers, json={"locale": "de"})
    assert (answer.status_code, "X-CSRF-Token" in answer.json["detail"]) == (403, True)
    assert browser.call("DELETE", "/ui/session", headers=headers).status_code == 403
    assert product.call("GET", f"/preferences/{ME}").json == before


def test_what_our_own_page_sends_does(product):
    browser = Browser(product, product.token(ME))
    answer = browser.call("PATCH", f"/preferences/{ME}", headers=browser.csrf, json={"locale": "de"})
    assert (answer.status_code, answer.json["locale"]) == (200, "de")


def test_one_sessions_token_is_not_anothers(product):
    mine, theirs = Browser(product, product.token(ME)), Browser(product, product.token("u-else"))
    assert mine.call("POST", f"/inbox/{ME}/read-all", headers=theirs.csrf).status_code == 403


def test_a_header_counts_before_the_cookie(product):
    browser = Browser(product, product.token(ME))
    assert browser.call("GET", "/channels", ADMIN_KEY).status_code == 200
    assert browser.call("GET", f"/inbox/{ME}", "im2n_garbled").status_code == 401
    # What brings a token of its own cannot be sent by a page that has none.
    assert browser.call("POST", "/inbox/u-else/read-all", ADMIN_KEY).status_code == 200


@pytest.mark.parametrize("token", ["x", "im2n_garbled", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_does_not_work_opens_nothing(product, token):
    answer = product.call("POST", "/ui/session", None, json={"token": token})
    assert (answer.status_code, answer.headers.get("Set-Cookie")) == (401, None)


def test_neither_a_session_nor_its_csrf_token_is_a_token(product):
    browser = Browser(product, ADMIN_KEY)
    for text in (browser.morsel.value, browser.opened.json["csrf_token"]):
        assert product.call("GET", "/channels", text).status_code == 401
        assert product.call("POST", "/ui/session", None, json={"token": text}).status_code == 401


def test_a_token_is_no_session(product):
    for text in (ADMIN_KEY, product.token(ME), "", "x" * 5000):
        answer = product.call("GET", f"/inbox/{ME}", None, headers={"Cookie": f"{NAME}={text}"})
        assert answer.status_code == 401


def test_a_session_ends_after_its_time_and_not_with_the_users_token(product):
    browser = Browser(product, product.token(ME))
    product.clock.advance(hours=7, minutes=59)
    assert browser.call("GET", f"/inbox/{ME}").status_code == 200
    product.clock.advance(minutes=1)
    assert browser.call("GET", f"/inbox/{ME}").status_code == 401


def test_a_session_ends_with_its_key(product):
    made = product.services.identity.create_key("desk", ["admin"], actor="test")
    browser = Browser(product, made.key)
    assert browser.call("GET", "/channels").status_code == 200
    product.services.identity.revoke_key(made.id, actor="test")
    assert browser.call("GET", "/channels").status_code == 401


def test_a_session_and_what_it_was_made_from_end_when_their_owner_is_erased(product):
    token, others = product.token(ME), Browser(product, product.token("u-else"))
    browser = Browser(product, token)
    product.clock.advance(seconds=1)
    assert product.call("DELETE", f"/users/{ME}").status_code == 202
    assert browser.call("GET", f"/inbox/{ME}").status_code == 401
    assert product.call("GET", f"/inbox/{ME}", token).status_code == 401
    assert product.call("POST", "/ui/session", None, json={"token": token}).status_code == 401
    assert others.call("GET", "/inbox/u-else").status_code == 200
    # Who comes back is like anybody.
    assert Browser(product, product.token(ME)).call("GET", f"/inbox/{ME}").status_code == 200


def test_what_was_made_before_another_process_heard_of_the_erasure_ends_too(tmp_path, migrated):
    here = build_product(tmp_path, migrated)
    token = here.token(ME)
    assert here.call("GET", f"/inbox/{ME}", token).status_code == 200
    here.clock.advance(seconds=1)
    elsewhere = Departures(here.services.database, here.clock, secret_key=SECRET_KEY)
    with here.services.database.write() as conn:
        elsewhere.note(conn, ME)
    # Not known here yet: this is what is let in meanwhile.
    late, ticket = Browser(here, token), here.call("POST", f"/inbox/{ME}/ticket", token).json["ticket"]
    here.clock.advance(seconds=2)
    assert late.call("GET", f"/inbox/{ME}").status_code == 401
    assert here.call("GET", f"/inbox/{ME}/stream?ticket={ticket}", None).status_code == 401
    here.services.close()


def test_a_session_ends_when_the_operators_key_is_another(tmp_path, migrated):
    before = build_product(tmp_path, migrated)
    browser = Browser(before, ADMIN_KEY)
    before.services.close()
    after = build_product(tmp_path, None, {"ADMIN_API_KEY": "another-key-of-operators"})
    browser._product = after
    assert browser.call("GET", "/channels").status_code == 401
    after.services.close()


def test_signing_out_makes_the_browser_forget(product):
    browser = Browser(product, product.token(ME))
    answer = browser.call("DELETE", "/ui/session", headers=browser.csrf)
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert (answer.status_code, morsel.key, morsel.value, morsel["max-age"]) == (204, NAME, "", "0")


def test_who_opened_a_session_is_on_record(product):
    Browser(product, product.token(ME))
    made = product.services.identity.create_key("desk", ["admin"], actor="test")
    Browser(product, made.key)
    entries = product.call("GET", "/audit?action=session.opened").json["items"]
    assert {(entry["actor"], entry["object"]) for entry in entries} == {
        (f"user:{ME}", f"user:{ME}"),
        (f"key:{made.id}", made.id),
    }
    assert made.key not in str(entries)
