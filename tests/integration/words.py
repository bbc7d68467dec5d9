"""What the events of the story must read like, written down by hand and not taken from the templates."""

from typing import NamedTuple

DISK = "disk full <b>on</b> node-7 & more"


class Words(NamedTuple):
    """A text: its subject line, its short form, and what a mail says in addition."""

    subject: str
    short: str
    mail: tuple[str, ...] = ()


def words(type_: str, locale: str, door: str, when: str) -> Words:
    """How an event of this type reads in this language."""
    return (_german if locale == "de" else _english)(door, when)[type_]


def _english(door: str, when: str) -> dict[str, Words]:
    return {
        "job.completed": Words(
            "Job completed: nightly encode",
            f"nightly encode (done-{door}) was completed on {when}. It took 1 hour, 2 minutes.",
            ("The job was completed.", f"Completed: {when}", "Duration: 1 hour, 2 minutes"),
        ),
        "job.failed": Words(
            f"Job failed: {DISK} (broken-{door})",
            f"{DISK}\nbroken-{door} failed on {when}.",
            ("The job failed with this error:", f"    {DISK}", f"When: {when}"),
        ),
        "job.progress": Words(f"going-{door}: 42.5% done", f"going-{door} is 42.5% done."),
        "system.error": Words(
            f"System error in encoder-{door}: no worker answers",
            f"no worker answers\nSystem error in encoder-{door} on {when}.",
            (f"encoder-{door} reports an error:", f"When: {when}", f"Reported by: tests-{door}"),
        ),
        "system.warning": Words(
            f"System warning from queue-{door}: it is growing",
            f"it is growing\nSystem warning from queue-{door} on {when}.",
        ),
        "quota.exceeded": Words(
            f"Quota exceeded: storage-{door} at 107.4%",
            f"The quota for storage-{door} is exceeded.\n1.07 GB of 1 GB are used (107.4%).",
            ("1.07 GB of 1 GB are used (107.4%).", f"As of: {when}"),
        ),
        "quota.approaching": Words(
            f"Quota nearly used up: gpu-{door} at 61.7%",
            f"The quota for gpu-{door} is nearly used up.\n1,234.5 of 2,000 are used (61.7%).",
            ("1,234.5 of 2,000 are used (61.7%).", f"As of: {when}"),
        ),
    }


def _german(door: str, when: str) -> dict[str, Words]:
    return {
        "job.completed": Words(
            "Job abgeschlossen: nightly encode",
            f"nightly encode (done-{door}) wurde am {when} abgeschlossen. Dauer: 1 Stunde, 2 Minuten.",
            ("Der Job wurde abgeschlossen.", f"Abgeschlossen: {when}", "Dauer: 1 Stunde, 2 Minuten"),
        ),
        "job.failed": Words(
            f"Job fehlgeschlagen: {DISK} (broken-{door})",
            f"{DISK}\nbroken-{door} ist am {when} fehlgeschlagen.",
            ("Der Job ist mit diesem Fehler fehlgeschlagen:", f"    {DISK}", f"Zeitpunkt: {when}"),
        ),
        "job.progress": Words(f"going-{door}: 42,5 % erledigt", f"going-{door} ist zu 42,5 % erledigt."),
        "system.error": Words(
            f"Systemfehler in encoder-{door}: no worker answers",
            f"no worker answers\nSystemfehler in encoder-{door} am {when}.",
            (f"encoder-{door} meldet einen Fehler:", f"Zeitpunkt: {when}", f"Gemeldet von: tests-{door}"),
        ),
        "system.warning": Words(
            f"Systemwarnung von queue-{door}: it is growing",
            f"it is growing\nSystemwarnung von queue-{door} am {when}.",
        ),
        "quota.exceeded": Words(
            f"Kontingent überschritten: storage-{door} bei 107,4 %",
            f"Das Kontingent für storage-{door} ist überschritten.\n1,07 GB von 1 GB sind belegt (107,4 %).",
            ("1,07 GB von 1 GB sind belegt (107,4 %).", f"Stand: {when}"),
        ),
        "quota.approaching": Words(
            f"Kontingent fast aufgebraucht: gpu-{door} bei 61,7 %",
            f"Das Kontingent für gpu-{door} ist fast aufgebraucht.\n1.234,5 von 2.000 sind belegt (61,7 %).",
            ("1.234,5 von 2.000 sind belegt (61,7 %).", f"Stand: {when}"),
        ),
    }


def plain(text: str) -> str:
    """A text with ordinary spaces and line ends: which kind of space is between number and unit is not at stake."""
    return text.replace("\r\n", "\n").replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
