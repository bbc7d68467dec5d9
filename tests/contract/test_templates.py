"""Templates that operators save: versions that stay, what is in force, and what notifications keep of it."""

from pathlib import Path

import pytest

from app.rendering.overrides.override import ANY, Place
from app.services.intake import Invalid
from app.services.template_desk import TemplateConflict, TemplateDesk
from app.store import templates
from app.store.templates import TemplateVersion
from tests.fakes.at_once import at_once
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.spine import Spine

PLACE = Place("job.failed", "letters", "en")
WHERE = ("job.failed", "letters", "en")
ME = "key:admin"


@pytest.fixture
def desk(spine: Spine) -> TemplateDesk:
    spine.meet("u-1")
    return spine.template_desk


def save(desk: TemplateDesk, title: str, place: Place = PLACE, **more: object) -> int:
    return desk.save(place, {"subject.txt": title}, actor=ME, versions=None, **more).version


def sent(spine: Spine, number: str) -> tuple[str, str | None]:
    """The title of a notification, and the version it says it was made with."""
    (id_,) = spine.submit("u-1", data={"job_id": number, "error": "disk full"})
    assert spine.pipeline.render([id_]) == [id_]
    content = spine.row(id_).content or {}
    return content["title"], content["template_version"]


def test_what_is_saved_is_in_force_and_named_on_each_notification(spine: Spine, desk: TemplateDesk):
    assert sent(spine, "j-1") == ("Job failed: disk full (j-1)", None)
    assert save(desk, "{{ data.job_id }} broke") == 1
    assert sent(spine, "j-2") == ("j-2 broke", "job.failed/letters/en@1")
    assert save(desk, "{{ data.job_id }} is broken") == 2
    assert sent(spine, "j-3") == ("j-3 is broken", "job.failed/letters/en@2")
    desk.remove(PLACE, actor=ME, versions=None)
    assert sent(spine, "j-4") == ("Job failed: disk full (j-4)", None)


def test_it_is_shown_with_the_notification_and_in_its_trace(spine: Spine, desk: TemplateDesk):
    save(desk, "{{ data.job_id }} broke")
    (id_,) = spine.submit("u-1")
    spine.pipeline.render([id_])
    shown = spine.history.notification(id_)
    assert shown["content"]["template_version"] == "job.failed/letters/en@1"
    (rendered,) = [entry for entry in spine.audit(id_) if entry.action == "render"]
    assert rendered.detail["template_version"] == "job.failed/letters/en@1"


def test_an_old_version_is_taken_up_again_as_a_new_one(spine: Spine, desk: TemplateDesk):
    save(desk, "one")
    save(desk, "two")
    desk.remove(PLACE, actor=ME, versions=None)
    shown = desk.restore(PLACE, 1, actor=ME, versions=None)
    assert sent(spine, "j-1") == ("one", "job.failed/letters/en@4")
    assert [(one["version"], one["change"], one["restores"]) for one in shown.body["history"]] == [
        (4, "restored", 1),
        (3, "removed", None),
        (2, "saved", None),
        (1, "saved", None),
    ]
    assert [one["sources"] for one in desk.versions(PLACE)] == [
        {"subject.txt": "one"},
        {},
        {"subject.txt": "two"},
        {"subject.txt": "one"},
    ]


@pytest.mark.parametrize("version", [3, 4, 99])
def test_only_what_there_is_can_be_taken_up_again(desk: TemplateDesk, version: int):
    save(desk, "one")
    save(desk, "two")
    desk.remove(PLACE, actor=ME, versions=None)
    with pytest.raises(Invalid) as caught:
        desk.restore(PLACE, version, actor=ME, versions=None)
    assert list(caught.value.errors["json"]) == ["version"]
    assert desk.get(PLACE).version == 3


def test_what_changes_nothing_makes_no_version(spine: Spine, desk: TemplateDesk):
    assert [save(desk, "one"), save(desk, "one")] == [1, 1]
    desk.remove(PLACE, actor=ME, versions=None)
    desk.remove(PLACE, actor=ME, versions=None)
    assert desk.get(PLACE).version == 2
    assert [entry.action for entry in spine.audit(f"template:{PLACE}")] == ["template.save", "template.remove"]


def test_every_change_is_on_record_without_its_words(spine: Spine, desk: TemplateDesk):
    save(desk, "secret words")
    (entry,) = spine.audit(f"template:{PLACE}")
    assert (entry.actor, entry.detail) == (ME, {"version": 1, "pieces": ["subject.txt"], "restores": None})


def test_who_names_a_version_changes_that_or_nothing(desk: TemplateDesk):
    desk.save(PLACE, {"subject.txt": "one"}, actor=ME, versions={0})
    for change in (
        lambda: desk.save(PLACE, {"subject.txt": "two"}, actor=ME, versions={0, 2}),
        lambda: desk.remove(PLACE, actor=ME, versions={0}),
        lambda: desk.restore(PLACE, 1, actor=ME, versions={7}),
    ):
        with pytest.raises(TemplateConflict):
            change()
    assert desk.get(PLACE).version == 1


def test_many_at_once_make_one_version_each_and_one_of_those_who_name_the_same(desk: TemplateDesk, spine: Spine):
    places = [PLACE, Place("job.failed", ANY, "de")]
    at_once(8, lambda number: save(desk, f"number {number}", places[number % 2]))
    for place in places:
        assert [one["version"] for one in desk.versions(place)] == [4, 3, 2, 1]
    with spine.database.read() as conn:
        assert templates.revision(conn) == 8

    def named(number: int) -> bool:
        try:
            desk.save(PLACE, {"subject.txt": f"named {number}"}, actor=ME, versions={4})
        except TemplateConflict:
            return False
        return True

    assert at_once(6, named).count(True) == 1


@pytest.mark.parametrize(
    ("sources", "faults"),
    [
        ({}, {"_schema": "At least one piece is needed."}),
        (
            {"subject.txt": "{{ data.jbo }}"},
            {"subject.txt": "job.failed/letters/en/subject.txt, line 1: the variable jbo"},
        ),
        ({"short.txt": "x"}, {"short.txt": "Not a piece of this. Allowed: subject.txt, body.txt, body.html."}),
        ({"subject.txt": 1}, {"subject.txt": "Not a valid string."}),
        ({"subject.txt": None}, {"subject.txt": "Not a valid string."}),
        ({"body.txt": "ü" * 40_000}, {"body.txt": "Has more than 65,536 bytes."}),
        (
            {"body.txt": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"},
            {"body.txt": "job.failed/letters/en/body.txt, line 1: takes more than 500,000 steps"},
        ),
    ],
)
def test_what_does_not_hold_is_not_saved(desk: TemplateDesk, sources, faults):
    with pytest.raises(Invalid) as caught:
        desk.save(PLACE, sources, actor=ME, versions=None)
    said = caught.value.errors["json"]
    assert set(said) == set(faults)
    assert all(said[name][0].startswith(begins) for name, begins in faults.items())
    assert desk.get(PLACE).version == 0


def test_the_database_comes_before_files_and_both_before_what_comes_along(spine_with_files: Spine, files: Path):
    spine = spine_with_files
    spine.meet("u-1")
    (files / "job.failed/letters/en").mkdir(parents=True)
    (files / "job.failed/letters/en/subject.txt").write_text("file", "utf-8")
    title, version = sent(spine, "j-1")
    assert (title, (version or "").startswith("job.failed/letters/en@file-")) == ("file", True)
    save(spine.template_desk, "database", Place("job.failed"))
    assert sent(spine, "j-2") == ("database", "job.failed/_any/_any@1")
    shown = spine.template_desk.get(PLACE).body
    assert (shown["version"], shown["template_version"]) == (0, "job.failed/_any/_any@1")
    assert {name: piece["origin"] for name, piece in shown["pieces"].items()} == {
        "subject.txt": "database",
        "body.txt": "built-in",
        "body.html": "built-in",
    }
    spine.template_desk.remove(Place("job.failed"), actor=ME, versions=None)
    assert sent(spine, "j-3")[0] == "file"
    assert [(one["template"], one["origin"]) for one in spine.template_desk.everything()["items"]] == [
        ("job.failed/letters/en", "file")
    ]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "own"


@pytest.fixture
def spine_with_files(database, clock: FakeClock, gate_server: GateServer, files: Path):
    spine = Spine(database, clock, gate_server.url, own_templates=files)
    yield spine
    spine.close()


def test_what_an_older_version_of_the_service_took_and_this_one_does_not_is_named(spine: Spine, desk: TemplateDesk):
    with spine.database.write() as conn:
        templates.lock(conn)
        old = TemplateVersion(*WHERE, 1, {"subject.txt": "{{ gone }}"}, None, ME, spine.clock.now())
        templates.add(conn, old)
    assert sent(spine, "j-1") == ("Job failed: disk full (j-1)", None)
    (item,) = desk.everything()["items"]
    assert (item["template_version"], item["in_force"]) == ("job.failed/letters/en@1", False)
    assert "line 1: the variable gone is not defined" in item["errors"]["subject.txt"][0]
    assert desk.get(PLACE).body["errors"] == item["errors"]


def test_versions_are_compared_with_each_other_and_with_what_comes_along(desk: TemplateDesk):
    save(desk, "one\n")
    save(desk, "two\n")
    assert desk.difference(PLACE, None, None) == {
        "from": 1,
        "to": 2,
        "pieces": {"subject.txt": "--- subject.txt@1\n+++ subject.txt@2\n@@ -1 +1 @@\n-one\n+two\n"},
    }
    desk.remove(PLACE, actor=ME, versions=None)
    assert desk.difference(PLACE, 0, 3)["pieces"] == {}
    assert "-{% import" in desk.difference(PLACE, 0, 2)["pieces"]["subject.txt"]
    with pytest.raises(Invalid) as caught:
        desk.difference(PLACE, 4, 9)
    assert caught.value.errors == {
        "query": {"from": ["There are the versions 0 to 3."], "to": ["There are the versions 0 to 3."]}
    }


def test_what_goes_wrong_after_all_ends_as_failed_and_names_the_line(spine: Spine, desk: TemplateDesk):
    save(desk, "{% if data.error == 'surprise' %}\n{{ data.nothing }}{% endif %}fine")
    (good, bad) = (spine.submit("u-1", data={"job_id": "j", "error": error})[0] for error in ("disk full", "surprise"))
    assert spine.pipeline.render([good, bad]) == [good]
    assert spine.states([bad]) == [("failed", "render_error")]
    (entry,) = [entry for entry in spine.audit(bad) if entry.action == "render"]
    assert entry.detail["detail"] == "job.failed/letters/en/subject.txt, line 2: the variable nothing is not defined"
