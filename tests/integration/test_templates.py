"""Words of an operator's own, from a request to a mail: in force within seconds, named, and no danger to workers."""

from tests.fakes.mailbox import Mailbox
from tests.integration.product import Product, eventually

ONE = "/templates/job.failed/email/en"
ADDRESS = "words@example.com"
BOMB = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
BUILT_IN = "Job failed: disk full"


def titled(product: Product, number: int) -> tuple[str, str | None]:
    """The title of the mail about a job, and the version it was made with."""
    data = {"job_id": f"t-{number}", "error": "disk full"}
    event = product.ended(product.submit("job.failed", data, "u-words", channels=["email"]))
    content = product.notification(event["id"], "email")["content"]
    return content["subject"], content["template_version"]


def test_an_operator_words_it_otherwise_and_goes_back(product: Product, mailbox: Mailbox):
    product.set_user("u-words", contacts={"email": ADDRESS})
    assert titled(product, 0)[1] is None

    saved = product.call("PUT", ONE, json={"subject.txt": "{{ data.job_id }} broke, call the night shift"})
    assert (saved.status_code, saved.headers["ETag"]) == (200, '"1"')
    number = iter(range(1, 1_000))
    title, version = eventually(lambda: titled(product, next(number)), lambda said: said[1] is not None)
    assert title.endswith("broke, call the night shift")
    assert version == "job.failed/email/en@1"
    assert title in [entry["subject"] for entry in mailbox.ledger.entries() if ADDRESS in entry["to"]]

    refused = product.call("PUT", ONE, json={"body.txt": BOMB})
    assert refused.status_code == 422
    assert refused.json()["errors"] == {
        "json": {"body.txt": ["job.failed/email/en/body.txt, line 1: takes more than 500,000 steps"]}
    }
    assert titled(product, 1_000)[1] == version

    # It holds on every sample, and runs wild on what an event brings.
    wild = "{% if data.error == 'go wild' %}" + BOMB + "{% endif %}still here"
    assert product.call("PUT", ONE, json={"subject.txt": wild}).status_code == 200
    number = iter(range(2_000, 3_000))
    eventually(lambda: titled(product, next(number)), lambda said: said[0] == "still here")
    data = {"job_id": "t-wild", "error": "go wild"}
    (failed,) = product.ended(product.submit("job.failed", data, "u-words", channels=["email"]))["notifications"]
    assert (failed["status"], failed["reason"]) == ("failed", "render_error")
    assert titled(product, 3_000) == ("still here", "job.failed/email/en@2")

    assert product.call("DELETE", ONE).status_code == 204
    number = iter(range(4_000, 5_000))
    title, _ = eventually(lambda: titled(product, next(number)), lambda said: said[1] is None)
    assert title.startswith(BUILT_IN)
    assert product.metrics().sum("notifications_unaccounted") == 0


def test_a_file_is_taken_up_and_a_bad_one_is_named(product: Product):
    product.set_user("u-words", contacts={"email": ADDRESS})
    folder = product.data_dir / "templates" / "job.failed" / "email"
    folder.mkdir(parents=True)
    file = folder / "subject.txt"
    file.write_text("{{ data.job_id }} fell over", "utf-8")
    number = iter(range(10_000, 20_000))
    title, version = eventually(lambda: titled(product, next(number)), lambda said: said[1] is not None)
    assert (title.endswith("fell over"), (version or "").startswith("job.failed/email/_any@file-")) == (True, True)
    file.write_text("{{ data.jbo_id }} fell over", "utf-8")
    title, _ = eventually(lambda: titled(product, next(number)), lambda said: said[1] is None)
    assert title.startswith(BUILT_IN)
    (item,) = product.get("/templates")["items"]
    assert (item["template"], item["in_force"]) == ("job.failed/email/_any", False)
    assert any(line.get("message") == "template_refused" for line in product.lines())
    file.unlink()
    assert eventually(lambda: product.get("/templates")["items"] == [])
