"""Without a mail server, mails are files."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from channels.base import Contact, Transient
from channels.email import Email
from channels.letter import Letter
from channels.mail_files import KEPT, MailFiles
from tests.fakes.samples import channel_env, message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LETTER = Letter("a@b.example", "c@d.example", b"Subject: x\r\n\r\n", needs_utf8=False)


def test_a_mail_becomes_a_file_and_the_state_says_so(tmp_path: Path):
    channel = Email.build(channel_env(tmp_path))
    receipt = channel.send(message(), Contact({"address": "ana@b.example"}))
    (path,) = (tmp_path / "mail").iterdir()
    assert channel.state() == "console"
    assert path.name in receipt.detail
    assert message_from_bytes(path.read_bytes())["To"] == "ana@b.example"


def test_the_newest_thousand_are_kept(tmp_path: Path):
    files = MailFiles(tmp_path)
    for number in range(KEPT + 5):
        files.write(f"ntf_{number}", LETTER, NOW + timedelta(seconds=number))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == KEPT
    assert names[0].endswith("-ntf_5.eml")


def test_what_another_process_wrote_counts_too(tmp_path: Path):
    one, other = MailFiles(tmp_path), MailFiles(tmp_path)
    for number in range(KEPT):
        one.write(f"ntf_{number}", LETTER, NOW + timedelta(seconds=number))
    other.write("ntf_new", LETTER, NOW + timedelta(hours=1))
    assert len(list(tmp_path.iterdir())) == KEPT


def test_the_mails_of_somebody_who_is_erased_go_with_their_drafts(tmp_path: Path):
    channel = Email.build(channel_env(tmp_path))
    channel.forget(["ntf_1"])  # there is no folder yet
    files = MailFiles(tmp_path / "mail")
    kept = files.write("ntf_2", LETTER, NOW)
    files.write("ntf_1", LETTER, NOW)
    files.write("ntf_1", LETTER, NOW + timedelta(seconds=1)).with_suffix(".4711").write_text("a worker died here")
    channel.forget(["ntf_1", "ntf_3"])
    assert list((tmp_path / "mail").iterdir()) == [kept]


def test_a_folder_that_cannot_be_written_is_tried_again_later(tmp_path: Path):
    (tmp_path / "mail").write_text("in the way")
    channel = Email.build(channel_env(tmp_path))
    with pytest.raises(Transient):
        channel.send(message(), Contact({"address": "ana@b.example"}))
