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
            f"Job: done-{door}\nCompleted: {when}\nDuration: 1 hour, 2 minutes",
            ("nightly encode was completed", f"Completed: {when}", "Duration: 1 hour, 2 minutes"),
        ),
        "job.failed": Words(
            f"Job failed: {DISK} (broken-{door})",
            f"When: {when}\n\nFix the cause of the error, then start the job again.",
            (f"broken-{door} failed", f"    {DISK}", f"When: {when}"),
        ),
        "job.progress": Words(f"going-{door}: 42.5% done", f"Updated: {when}"),
        "system.error": Words(
            f"System error in encoder-{door}: no worker answers",
            f"When: {when}\nReported by: tests-{door}\n\n"
            "Check this component and its logs now. Work that needs it may be stalled.",
            (f"encoder-{door} reports an error", f"When: {when}", f"Reported by: tests-{door}"),
        ),
        "system.warning": Words(
            f"System warning from queue-{door}: it is growing",
            f"When: {when}\nReported by: tests-{door}\n\n"
            "Nothing has failed yet. Checking this component now may save trouble later.",
        ),
        "quota.exceeded": Words(
            f"Quota exceeded: storage-{door} at 107.4%",
            f"Used: 1.07 GB of 1 GB (107.4%)\nOver the limit: 73.74 MB\nUpdated: {when}\n\n"
            "Free some up or ask for a higher limit. Until then, new work that needs it may be refused.",
            (f"The quota for storage-{door} is exceeded", "Over the limit: 73.74 MB", f"Updated: {when}"),
        ),
        "quota.approaching": Words(
            f"Quota nearly used up: gpu-{door} at 61.7%",
            f"Used: 1,234.5 of 2,000 (61.7%)\nLeft: 765.5\nUpdated: {when}\n\n"
            "Free some up or ask for a higher limit before it runs out.",
            (f"The quota for gpu-{door} is nearly used up", "Left: 765.5", f"Updated: {when}"),
        ),
    }


def _german(door: str, when: str) -> dict[str, Words]:
    return {
        "job.completed": Words(
            "Job abgeschlossen: nightly encode",
            f"Job: done-{door}\nAbgeschlossen: {when}\nDauer: 1 Stunde, 2 Minuten",
            ("nightly encode wurde abgeschlossen", f"Abgeschlossen: {when}", "Dauer: 1 Stunde, 2 Minuten"),
        ),
        "job.failed": Words(
            f"Job fehlgeschlagen: {DISK} (broken-{door})",
            f"Zeitpunkt: {when}\n\nDie Ursache des Fehlers beheben und den Job dann neu starten.",
            (f"broken-{door} ist fehlgeschlagen", f"    {DISK}", f"Zeitpunkt: {when}"),
        ),
        "job.progress": Words(f"going-{door}: 42,5 % erledigt", f"Stand: {when}"),
        "system.error": Words(
            f"Systemfehler in encoder-{door}: no worker answers",
            f"Zeitpunkt: {when}\nGemeldet von: tests-{door}\n\n"
            "Diese Komponente und ihre Logs jetzt prüfen. Was von ihr abhängt, steht möglicherweise still.",
            (f"encoder-{door} meldet einen Fehler", f"Zeitpunkt: {when}", f"Gemeldet von: tests-{door}"),
        ),
        "system.warning": Words(
            f"Systemwarnung von queue-{door}: it is growing",
            f"Zeitpunkt: {when}\nGemeldet von: tests-{door}\n\n"
            "Noch ist nichts ausgefallen. Diese Komponente jetzt zu prüfen, kann späteren Ärger ersparen.",
        ),
        "quota.exceeded": Words(
            f"Kontingent überschritten: storage-{door} bei 107,4 %",
            f"Belegt: 1,07 GB von 1 GB (107,4 %)\nÜber dem Limit: 73,74 MB\nStand: {when}\n\n"
            "Etwas freigeben oder ein höheres Limit beantragen. Bis dahin wird neue Arbeit, die dieses Kontingent"
            " braucht, möglicherweise abgelehnt.",
            (f"Das Kontingent für storage-{door} ist überschritten", "Über dem Limit: 73,74 MB", f"Stand: {when}"),
        ),
        "quota.approaching": Words(
            f"Kontingent fast aufgebraucht: gpu-{door} bei 61,7 %",
            f"Belegt: 1.234,5 von 2.000 (61,7 %)\nÜbrig: 765,5\nStand: {when}\n\n"
            "Etwas freigeben oder ein höheres Limit beantragen, bevor das Kontingent aufgebraucht ist.",
            (f"Das Kontingent für gpu-{door} ist fast aufgebraucht", "Übrig: 765,5", f"Stand: {when}"),
        ),
    }


def plain(text: str) -> str:
    """A text with ordinary spaces and line ends: which kind of space is between number and unit is not at stake."""
    return text.replace("\r\n", "\n").replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
