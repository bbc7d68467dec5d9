"""A template that runs wild ends as an error, from inside the thread it runs in, with little memory."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.events import EVENT_TYPES
from app.rendering.render import Renderer, RenderError
from tests.fakes.occasions import make_occasion, make_renderer

STEPS = "takes more than 500,000 steps"
TEXT = "makes a text of more than 1,000,000 characters"
WIDE = "pads a text too far"
FORBIDDEN = "the sandbox does not allow this"
ENDLESS = "calls itself, or nests, without end"
MEGABYTES = 2**20
EVER = "{% for a in range(9000) %}{% for b in range(9000) %}@{% endfor %}{% endfor %}"
LONG = "{% set ns = namespace(v='xy ') %}{% for a in range(18) %}{% set ns.v = ns.v ~ ns.v %}{% endfor %}"
MANY = "{% set many = range(9000)|list %}"


def ever(body: str) -> str:
    return EVER.replace("@", body)


def growing(first: str, more: str) -> str:
    return f"{{% set ns = namespace(v={first}) %}}" + ever(f"{{% set ns.v = {more} %}}")


BOMBS = {
    "{% for x in range(10**9) %}{% endfor %}": "asks for a range of more than 10,000",
    ever("{% for c in range(9000) %}{% endfor %}"): STEPS,
    ever("{% for c in range(9000) if false %}{% endfor %}"): STEPS,
    "{{ 'x' * 10**9 }}": TEXT,
    "{{ ['x'] * 10**9 }}": TEXT,
    "{{ 'a'|center(10**9) }}": TEXT,
    "{{ 'a'|indent(10**9, true) }}": TEXT,
    "{{ 'a'.center(10**9) }}": FORBIDDEN,
    "{{ 'a'.ljust(10**9) }}": FORBIDDEN,
    "{{ '\t'.expandtabs(10**9) }}": FORBIDDEN,
    "{{ (5).to_bytes(10**9) }}": FORBIDDEN,
    "{{ '{:1000000000}'.format(1) }}": FORBIDDEN,
    "{{ '%1000000000d'|format(1) }}": WIDE,
    "{{ '%1000000000d' % 1 }}": WIDE,
    "{{ '%*d' % (1000000000, 1) }}": WIDE,
    "{{ '%.1000000000f' % 1 }}": WIDE,
    "{{ _('%(x)1000000000d', x=1) }}": WIDE,
    "{{ 7 ** (9 ** 9) }}": "computes with numbers that are too large",
    "{{ 2|round(10**9, 'ceil') }}": "rounds to more than 100 decimals",
    "{{ [1]|batch(10**9, 'x')|list }}": "divides into more than 10,000",
    "{{ [1]|slice(10**9)|list }}": "divides into more than 10,000",
    "{{ {'a': 1}|tojson(10**9) }}": "indents JSON",
    growing("'x'", "ns.v ~ ns.v"): TEXT,
    growing("'x'", "ns.v + ns.v"): TEXT,
    growing("'x'", "'%s%s' % (ns.v, ns.v)"): TEXT,
    growing("'x'", "_('%(a)s%(a)s', a=ns.v)"): TEXT,
    growing("'xx'", "ns.v|replace('x', ns.v)"): TEXT,
    growing("[1]", "ns.v + ns.v"): STEPS,
    growing("9", "ns.v * ns.v"): "computes with numbers that are too large",
    growing("[]", "[[[[ns.v]]]]"): STEPS,
    growing("()", "((((ns.v,),),),)"): STEPS,
    "{% set ns = namespace(v=[1]) %}{% for a in range(25) %}{% set ns.v = [ns.v, ns.v] %}{% endfor %}{{ ns.v }}": STEPS,
    "{% set ns = namespace(v=[]) %}{% for a in range(99) %}{% set ns.v = [ns.v] %}{% endfor %}{{ ns.v }}": (
        "nests values more than 30 deep"
    ),
    "{% set x %}{{ 'x' * 900000 }}{{ 'x' * 900000 }}{% endset %}": TEXT,
    "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}": ENDLESS,
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(100) }}": STEPS,
    "{% for x in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}": ENDLESS,
    "{% block a %}{{ self.a() }}{% endblock %}": ENDLESS,
    "{% include 'job.failed/subject.txt' %}": ENDLESS,
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}": ENDLESS,
    LONG + ever("{% if 'zz' in ns.v %}{% endif %}"): STEPS,
    LONG + ever("{% set y = ns.v[1:] %}"): STEPS,
    LONG + ever("{% set y = ns.v.split(' ') %}"): STEPS,
    LONG + ever("{% set y = ns.v|one_line %}"): STEPS,
    MANY + "{{ ([many] * 9000)|map('sum')|list }}": STEPS,
    MANY + "{{ ([[many] * 9000] * 9000)|map('map', 'sum')|map('list')|list }}": STEPS,
    MANY + "{{ ([many] * 9000)|tojson }}": STEPS,
    ever("{{ (a * 9000 + b)|duration }}"): STEPS,
    ever("{% include 'nope' ~ a ~ b ignore missing %}"): STEPS,
}


def fault_of(tmp_path, source: str) -> str:
    folder = tmp_path / "job.failed"
    folder.mkdir()
    for name in ("subject.txt", "short.txt"):
        (folder / name).write_text(source, "utf-8")
    with pytest.raises(RenderError) as caught:
        make_renderer(templates=tmp_path).render(make_occasion("job.failed"), kind="inbox", locale="en", timezone="UTC")
    return caught.value.detail


@pytest.mark.parametrize("source", BOMBS, ids=[str(number) for number in range(len(BOMBS))])
def test_a_bomb_ends_as_an_error_that_says_why(tmp_path, source):
    assert fault_of(tmp_path, source).endswith(BOMBS[source])


@pytest.mark.parametrize("source", [growing("'x'", "ns.v ~ ns.v"), LONG + ever("{{ ns.v|upper }}")])
def test_a_bomb_takes_little_memory(tmp_path, source):
    tracemalloc.start()
    try:
        fault_of(tmp_path, source)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100 * MEGABYTES


@pytest.mark.parametrize(
    "source", ["{% autoescape false %}{{ data.error }}{% endautoescape %}", "{{ data.error|safe }}"]
)
def test_escaping_cannot_be_turned_off(tmp_path, source):
    assert "line 1" in fault_of(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ data.__class__ }}",
        "{{ data.clear() }}",
        "{{ data.update({'a': 1}) }}",
        "{{ data.error.__class__ }}",
        "{{ reader._zone }}",
        "{{ reader.__init__ }}",
        "{{ _.__globals__ }}",
        "{{ _.__call__ }}",
        "{% macro m() %}{% endmacro %}{{ m._func }}",
    ],
)
def test_what_is_closed_stays_closed_whatever_was_asked_for_before(tmp_path, source):
    assert fault_of(tmp_path, "{{ data.error.upper() }}" + source).endswith(FORBIDDEN)
    renderer = make_renderer(templates=tmp_path)
    for _ in range(3):
        with pytest.raises(RenderError, match=FORBIDDEN):
            renderer.render(make_occasion("job.failed"), kind="inbox", locale="en", timezone="UTC")


def test_a_field_that_is_called_like_a_method_of_dictionaries_does_not_hide_it(tmp_path):
    assert fault_of(tmp_path, "{% for a in data.items %}{% endfor %}").endswith("TypeError")
    data = {**EVENT_TYPES["job.failed"].sample, "items": "x"}
    with pytest.raises(RenderError, match="TypeError"):
        make_renderer(templates=tmp_path).render(
            make_occasion("job.failed", data), kind="inbox", locale="en", timezone="UTC"
        )


def test_a_bomb_ends_alone(tmp_path):
    (tmp_path / "bomb").mkdir()
    wild, good = _bomb(tmp_path / "bomb"), make_renderer()

    def title(number: int) -> str:
        renderer = wild if number % 4 == 0 else good
        try:
            return renderer.render(make_occasion("job.failed"), kind="inbox", locale="en", timezone="UTC").title
        except RenderError as error:
            return error.detail

    with ThreadPoolExecutor(4) as pool:
        titles = list(pool.map(title, range(16)))
    assert titles.count("Job failed: disk full on node-7 (nightly encode)") == 12
    assert sum(title.endswith(STEPS) for title in titles) == 4


def _bomb(folder) -> Renderer:
    (folder / "job.failed").mkdir()
    for name in ("subject.txt", "short.txt"):
        (folder / "job.failed" / name).write_text(ever(""), "utf-8")
    return make_renderer(templates=folder)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 'ab' * 3 }} {{ 2 ** 10 }} {{ 7 % 4 }} {{ 1 + 2 }}", "ababab 1024 3 3"),
        ("{{ '%s of %05.1f' % ('a', 2) }} {{ '%d %%'|format(3) }}", "a of 002.0 3 %"),
        ("{{ data.error ~ 1 ~ none }}", "disk full on node-71None"),
        ("{{ [3, 1, 2]|sort|join(', ') }}", "1, 2, 3"),
        ("{% for a, b in {'x': 1}.items() if b %}{{ loop.index }}{{ loop.last }}{{ a }}{% endfor %}", "1Truex"),
        ("{{ data.error.upper()[:4] }} {{ data.error.split()[0] }}", "DISK disk"),
        ("{{ 'x' in data.error }} {{ 1 < 2 < 3 }} {{ data.nothing is defined }}", "False True False"),
        ("{{ {'a': [1]}|tojson }}", '{"a": [1]}'),
        ("{{ [1, 2, 3, 4]|batch(2)|map('sum')|list }}", "[3, 7]"),
    ],
)
def test_what_is_no_bomb_works_as_ever(tmp_path, source, text):
    folder = tmp_path / "job.failed"
    folder.mkdir()
    for name in ("subject.txt", "short.txt"):
        (folder / name).write_text(source, "utf-8")
    renderer = make_renderer(templates=tmp_path)
    assert renderer.render(make_occasion("job.failed"), kind="inbox", locale="en", timezone="UTC").title == text


def test_our_own_templates_stay_far_from_the_bound():
    renderer, letters = make_renderer(), "x" * 60_000
    for name, known in EVENT_TYPES.items():
        data = {field: letters if isinstance(value, str) else value for field, value in known.sample.items()}
        assert renderer.render(make_occasion(name, data), kind="mail", locale="de", timezone="UTC").html
