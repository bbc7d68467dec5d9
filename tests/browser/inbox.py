"""An inbox component on a page, as a person sees it."""

from typing import Any


class Inbox:
    """The first <im2-inbox> of a page, once it follows what happens."""

    def __init__(self, page: Any, *, connection: str | None = "stream|follower") -> None:
        self.page = page
        self.host = page.locator("im2-inbox").first
        self.items = self.host.locator("li")
        if connection is not None:
            self.until_connected(connection)

    def until_connected(self, how: str) -> None:
        """Wait until its connection is one of these."""
        ask = "how => how.split('|').includes(document.querySelector('im2-inbox').connection)"
        self.page.wait_for_function(ask, arg=how)

    def until_unread(self, count: int) -> None:
        """Wait until it says that so many are unread."""
        self.page.wait_for_function("count => document.querySelector('im2-inbox').unread === count", arg=count)

    def titles(self) -> list[str]:
        """The titles that are shown, the first one first."""
        return [str(text) for text in self.host.locator("[part=title]").all_inner_texts()]

    def button(self, name: str, title: str | None = None) -> Any:
        """A button by its name, in the item with this title if there is one."""
        place = self.host if title is None else self.items.filter(has_text=title)
        return place.get_by_role("button", name=name, exact=True)
