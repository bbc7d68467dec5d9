"""What the gate finds."""

from dataclasses import dataclass

EVERY = "*"
LAYOUT = "_layout"
_PIECES_OF_MAIL = ("body.txt", "body.html")


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One type of notification on one channel in one language; `*` stands for all of them."""

    type: str = EVERY
    channel: str = EVERY
    locale: str = EVERY

    def __str__(self) -> str:
        return f"{self.type} × {self.channel} × {self.locale}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something that is wrong: in which cell, in which file, and what helps."""

    cell: Cell
    file: str
    """From the root of the templates or the translations on; with the line, if that is known."""
    kind: str
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.cell}: {self.file}: {self.message} [{self.kind}]; {self.advice}"


def cell_of(file: str, locale: str = EVERY) -> Cell:
    """The cells that a template has a part in: `job.failed/body.html` is that type by e-mail, a layout is in all."""
    type_, _, piece = file.partition("/")
    return Cell(
        EVERY if type_ == LAYOUT else type_,
        "email" if piece in _PIECES_OF_MAIL or (type_ == LAYOUT and piece.startswith(("base.", "parts."))) else EVERY,
        locale,
    )
