"""All pages there are, and how people may be looking at them: the one list that pictures are taken by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Who = Literal["reader", "operator", "stranger"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, whom it is for, and what is pressed before the picture is taken."""

    name: str
    path: str
    who: Who = "reader"
    press: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How wide somebody's window is, in which colours and which language."""

    name: str
    width: int = 1280
    scheme: Literal["light", "dark"] = "light"
    locale: str = "en"


UNSUBSCRIBE, VERIFY = "{unsubscribe}", "{verify}"
"""Stand for the links in somebody's mails."""
PAGES: Sequence[Page] = (
    Page("sign-in", "/ui/inbox", who="stranger"),
    Page("inbox", "/ui/inbox"),
    Page("preferences", "/ui/preferences"),
    Page("history", "/ui/history"),
    Page("history-one", "/ui/history?type=quota.exceeded&channel=webhook", press="#list a"),
    Page("history-empty", "/ui/history?subject_key=nothing"),
    Page("operations", "/ui/ops", who="operator"),
    Page("operations-channels", "/ui/ops#channels", who="operator"),
    Page("operations-dead", "/ui/ops#dead", who="operator"),
    Page("operations-templates", "/ui/ops#templates", who="operator"),
    Page("operations-template", "/ui/ops#template/job.failed%2Femail%2Fde", who="operator"),
    Page("demo", "/ui/demo"),
    Page("unsubscribe", UNSUBSCRIBE, who="stranger"),
    Page("verify", VERIFY, who="stranger"),
)
LOOKS: Sequence[Look] = (
    Look("light"),
    Look("dark", scheme="dark"),
    Look("narrow", width=320),
    Look("right-to-left", locale="ar"),
    Look("right-to-left-narrow", width=320, scheme="dark", locale="ar"),
)
