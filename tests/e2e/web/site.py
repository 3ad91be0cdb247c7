"""The web interface in a browser, and what must never happen there: an error in the console, a request to elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request

__all__ = ["Site"]

_WAIT_MS = 15_000


class Site:
    """One tab of a browser on the web interface.

    :param url: of the REST interface, without a slash at the end.
    """

    problems: ClassVar[list[str]] = []
    """Of all tabs: errors in the console, exceptions in the page, requests to other origins."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(_WAIT_MS)
        page.on("console", self._heard)
        page.on("pageerror", self._broken)
        page.on("request", self._asked)

    def open(self, *route: str) -> None:
        """Show the page that an address names."""
        self.page.goto(f"{self.url}/#/{'/'.join(quote(part, safe='') for part in route)}")

    def heading(self, text: str) -> Locator:
        return self.page.get_by_role("heading", name=text, exact=True).first

    def see(self, text: str) -> None:
        """Wait until a text is there."""
        self.page.locator("main").get_by_text(text).first.wait_for()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def close(self) -> None:
        self.page.context.close()

    def width_too_much(self) -> int:
        """By how many pixels the page is wider than the window."""
        excess: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return excess

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.text} ({message.location.get('url', '')})")

    def _broken(self, error: Error) -> None:
        self.problems.append(f"{error}\n{error.stack}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("blob", "data"):
            return
        if not request.url.startswith(f"{self.url}/"):
            self.problems.append(f"a request to {request.url}")
