"""What the templates may and may not do, and what a broken one leads to."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from traceback import format_exception

import pytest

from app.domain.events import EVENT_TYPES
from app.domain.notifications import NOTICES, OWN_TYPES, VERIFICATION
from app.rendering.email import MailStyles
from app.rendering.links import Links
from app.rendering.render import MOST_HTML, Renderer, RenderError
from tests.fakes.occasions import MOMENT, PUBLIC_URL, TEMPLATES, TRANSLATIONS, make_occasion, make_renderer

PIECES = ("subject.txt", "body.txt", "body.html", "short.txt")
SOURCES = sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
HTML_SOURCES = [path for path in SOURCES if path.suffix == ".html"]
_TAG = re.compile(r"<[a-z][^<>]*>", re.IGNORECASE)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def short_name(path: Path) -> str:
    return path.relative_to(TEMPLATES).as_posix()


Render = Callable[[str], str]


@pytest.fixture
def render(tmp_path) -> Render:
    """Renders a source as the title of a failed job."""

    def of(source: str) -> str:
        folder = tmp_path / "job.failed"
        folder.mkdir()
        (folder / "subject.txt").write_text(source, "utf-8")
        (folder / "short.txt").write_text("-", "utf-8")
        renderer = make_renderer(templates=tmp_path)
        return renderer.render(make_occasion("job.failed"), kind="inbox", locale="en", timezone="UTC").title

    return of


def test_every_type_has_its_four_pieces_and_every_folder_its_type():
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders == {*EVENT_TYPES, *OWN_TYPES}
    # A verification is only ever a mail, and a notice never.
    left_out = {VERIFICATION: {"short.txt"}, **{notice: {"body.txt", "body.html"} for notice in NOTICES}}
    for name in folders:
        assert {path.name for path in (TEMPLATES / name).iterdir()} == set(PIECES) - left_out.get(name, set())


@pytest.mark.parametrize("path", SOURCES, ids=short_name)
def test_no_template_turns_escaping_off(path):
    source = path.read_text("utf-8")
    assert not re.search(r"\|\s*safe\b|Markup|autoescape|=\s*\{\{", source)


@pytest.mark.parametrize("path", HTML_SOURCES, ids=short_name)
def test_attributes_are_quoted_and_hold_no_scripts_or_remote_content(path):
    source = _JINJA.sub("", path.read_text("utf-8"))
    for tag in _TAG.findall(source):
        rest = re.sub(r'\s[\w:-]+="[^"]*"', "", tag)
        assert re.fullmatch(r"<[a-z][a-z0-9]*\s*>", rest, re.IGNORECASE), tag
    assert not re.search(r"<(?:img|script|link|iframe|form|object|svg)\b|\son\w+=|url\(|@import", source, re.IGNORECASE)


@pytest.mark.parametrize("path", HTML_SOURCES, ids=short_name)
def test_every_link_in_html_goes_through_safe_url(path):
    for value in re.findall(r'href="([^"]*)"', path.read_text("utf-8")):
        assert re.fullmatch(r"\{\{ [\w.]+\|safe_url \}\}", value)


@pytest.mark.parametrize("path", HTML_SOURCES, ids=short_name)
def test_html_never_takes_macros_from_plain_text(path):
    # A macro of a .txt file escapes nothing, and what it returns to HTML counts as escaped.
    assert not re.search(r'(?:import|include|from)\s+"[^"]*\.txt"', path.read_text("utf-8"))


@pytest.mark.parametrize("path", HTML_SOURCES, ids=short_name)
def test_every_class_has_rules_or_is_a_mistake(path):
    styles = MailStyles((TEMPLATES / "_layout/mail.css").read_text("utf-8"))
    for classes in re.findall(r'class="([^"]*)"', path.read_text("utf-8")):
        assert "{" not in classes, "a class that is only known later can't be inlined"
        for name in classes.split():
            assert "style=" in styles.inline(f'<p class="{name}">'), name


def test_styles_become_attributes_and_the_at_rules_stay_in_the_head():
    content = make_renderer().render(make_occasion("job.failed"), kind="mail", locale="de", timezone="UTC")
    html = content.html or ""
    assert html.startswith('<!doctype html>\n<html lang="de" dir="ltr">')
    assert re.search(
        r'<td class="banner bad" style="[^"]*background-color: #b3261e[^"]*"><span [^>]*>✕</span>Fehlgeschlagen</td>',
        html,
    )
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 420px)" in html
    assert html.index('class="preheader"') < html.index('class="page"')


def test_the_bar_is_as_long_as_the_share():
    renderer = make_renderer()
    for used, widths in ((0, ["100%"]), (33.4, ["34%", "66%"]), (100, ["100%"]), (250, ["100%"])):
        data = {"resource": "seats", "used": used, "limit": 100}
        content = renderer.render(make_occasion("quota.exceeded", data), kind="mail", locale="en", timezone="UTC")
        assert re.findall(r'class="bar-[^>]* width="(\d+%)"', content.html or "") == widths


def test_a_right_to_left_language_turns_the_layout_round(tmp_path):
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n', "utf-8")
    renderer = make_renderer(translations=tmp_path)
    content = renderer.render(make_occasion("job.failed"), kind="mail", locale="ar-EG", timezone="UTC")
    assert '<html lang="ar" dir="rtl">' in (content.html or "")


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("{{ data.jbo_id }}", "job.failed/subject.txt, line 1: the variable jbo_id is not defined"),
        ("\n{{ jobs }}", "job.failed/subject.txt, line 2: the variable jobs is not defined"),
        ("{{ data[data.error] }}", "job.failed/subject.txt, line 1: a variable is not defined"),
        ("{{ 1 / 0 }}", "job.failed/subject.txt, line 1: ZeroDivisionError"),
        ("{{ data.error + 1 }}", "job.failed/subject.txt, line 1: TypeError"),
        ("{{ data.error|percent }}", "job.failed/subject.txt"),
        ("{% include 'nowhere.txt' %}", "job.failed/subject.txt: there is no template nowhere.txt"),
        ("{% include '../../etc/passwd' %}", "job.failed/subject.txt: there is no template ../../etc/passwd"),
        ("{% if %}", "job.failed/subject.txt, line 1: "),
        ("{{ data.error|shout }}", "job.failed/subject.txt, line 1: No filter named 'shout'"),
    ],
)
def test_a_broken_template_is_a_render_error_that_names_the_place(render, source, detail):
    with pytest.raises(RenderError) as caught:
        render(source)
    assert caught.value.detail.startswith(detail)


@pytest.mark.parametrize("source", ["{{ data[data.error] }}", "{{ [1][data.error] }}", "{{ data.error.nothing }}"])
def test_a_render_error_quotes_nothing_of_the_event(render, source):
    with pytest.raises(RenderError) as caught:
        render(source)
    assert "disk full" not in caught.value.detail
    assert "disk full" not in "".join(format_exception(caught.value))


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ data.__class__ }}",
        "{{ (1).__class__.__base__.__subclasses__() }}",
        "{{ ''|attr('__class__') }}",
        "{{ data['__class__'] }}",
        "{{ '{0.__class__}'.format(data) }}",
        "{{ '{0.__init__.__globals__}'.format_map({'0': data}) }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum.__globals__['os'] }}",
        "{{ gettext.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ reader._zone }}",
        "{{ reader.moment.__wrapped__ }}",
        "{{ data.update({'a': 1}) }}",
        "{{ data.clear() }}",
        "{{ [].append(1) }}",
        "{{ ().__getattribute__('count') }}",
        "{% for name in range(10000000) %}{{ name }}{% endfor %}",
    ],
)
def test_the_sandbox_lets_nothing_out(render, source):
    with pytest.raises(RenderError):
        render(source)


def test_output_that_runs_away_is_stopped(render):
    with pytest.raises(RenderError, match="more than 1,000,000 characters"):
        render("{% for a in range(9000) %}{% for b in range(9000) %}" + "x" * 5_000 + "{% endfor %}{% endfor %}")


def test_html_above_its_limit_is_an_error(tmp_path):
    folder = tmp_path / "job.failed"
    folder.mkdir()
    for name in PIECES:
        (folder / name).write_text("x" * (MOST_HTML + 1), "utf-8")
    with pytest.raises(RenderError, match=r"body\.html gives more than 200,000 characters"):
        make_renderer(templates=tmp_path).render(make_occasion("job.failed"), kind="mail", locale="en", timezone="UTC")


def test_an_event_type_without_templates_is_a_render_error(tmp_path):
    with pytest.raises(RenderError, match="there is no template"):
        make_renderer(templates=tmp_path).render(make_occasion("job.failed"), kind="mail", locale="en", timezone="UTC")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (PUBLIC_URL, True),
        (f"{PUBLIC_URL}/", True),
        (f"{PUBLIC_URL}/jobs/1?x=1#top", True),
        ("HTTPS://IM2.example:443/notify/jobs", True),
        ("https://im2.example/other", False),
        ("https://im2.example/notifyx", False),
        ("https://im2.example/notify/../admin", False),
        ("https://im2.example/notify/%2e%2E/admin", False),
        ("http://im2.example/notify/", False),
        ("https://im2.example:8443/notify/", False),
        ("https://im2.example.evil.test/notify/", False),
        ("https://im2.example@evil.test/notify/", False),
        ("https://evil.test/https://im2.example/notify/", False),
        ("//im2.example/notify/", False),
        ("/notify/jobs", False),
        ("javascript:alert(1)//https://im2.example/notify/", False),
        (" https://im2.example/notify/", False),
        ("https://im2.example/notify/\n", False),
        ("https:\\\\im2.example\\notify\\", False),
        ('https://im2.example/notify/"onclick="', False),
        ("data:text/html,x", False),
        ("https://[im2.example/notify/", False),
        ("https://im2.example:x/notify/", False),
        (f"{PUBLIC_URL}/" + "x" * 3_000, False),
        (None, False),
        (["https://im2.example/notify/"], False),
        ("", False),
    ],
)
def test_a_safe_url_is_a_web_link_under_the_public_url(url, safe):
    assert Links(PUBLIC_URL).safe(url) == (url if safe else "")


def test_every_page_we_link_to_is_safe():
    for public_url in (PUBLIC_URL, "http://127.0.0.1:8000", "https://im2.example/", "http://[::1]:8000"):
        links = Links(public_url)
        for link in (links.preferences, links.about("a b/../ä&?#\ud800"), links.about(None), links.about("x" * 9_000)):
            assert links.safe(link) == link


def test_many_threads_share_one_fresh_renderer():
    renderer = Renderer(templates=TEMPLATES, translations=TRANSLATIONS, public_url=PUBLIC_URL, default_locale="en")

    def title(number: int) -> tuple[str, str]:
        locale = ("en", "de")[number % 2]
        occasion = make_occasion("job.failed", occurred_at=MOMENT)
        return locale, renderer.render(occasion, kind="mail", locale=locale, timezone="Europe/Berlin").title

    with ThreadPoolExecutor(8) as pool:
        titles = set(pool.map(title, range(64)))
    assert titles == {
        ("en", "Job failed: disk full on node-7 (nightly encode)"),
        ("de", "Job fehlgeschlagen: disk full on node-7 (nightly encode)"),
    }
