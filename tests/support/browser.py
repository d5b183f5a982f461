"""An installed Chromium, without any network but this machine, and what goes wrong in its pages."""

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, sync_playwright

HOST = "docs.example"
"""A name that leads to this machine: on 127.0.0.1 itself, Swagger UI leaves out what it does elsewhere."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser | None]:
    """Yield a browser, or None where there is no Chromium."""
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        yield None
        return
    names = f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[names])
        try:
            yield browser
        finally:
            browser.close()


def trouble(page: Page) -> list[str]:
    """Return a list that collects, from now on, each warning and error of the page's console, and what did not load.

    A violation of the content security policy is an error of the console.
    """
    found: list[str] = []
    page.on("console", lambda line: found.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("requestfailed", lambda request: found.append(f"{request.url}: {request.failure}"))
    return found
