"""The API docs in a browser without any network: a request is sent from the page, and nothing is refused."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from support.browser import HOST, chromium, trouble
from support.process import Server, Service

SECONDS = 30_000
"""Milliseconds that anything in a page may take."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        if browser is None:
            pytest.skip("there is no Chromium; apt-get install chromium")
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        context.set_default_timeout(SECONDS)
        yield context.new_page()


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with its docs on."""
    folder = tmp_path_factory.mktemp("docs")
    variables = {"DATABASE_URL": f"sqlite:///{folder}/docs.db", "APP_SHUTDOWN__DRAIN": "0", "APP_HTTP__DOCS": "true"}
    service = Service(installed, variables)
    service.run("migrate")
    with service.served(folder / "log") as server:
        yield server


def create(page: Page, url: str, name: str) -> str:
    """Send POST /v1/items from the page, and return the address that the page says it was sent to."""
    page.goto(url)
    operation = page.locator(".opblock-post", has_text="/v1/items")
    operation.locator(".opblock-summary-control").click()
    operation.locator("textarea").fill(f'{{"name": "{name}"}}')
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_have_text(re.compile("^201"), timeout=SECONDS)
    expect(answer.locator(".response-col_description").last).to_contain_text(name, timeout=SECONDS)
    return operation.locator(".request-url pre").inner_text()


def test_a_request_is_sent_from_the_page_and_nothing_is_refused(page: Page, server: Server) -> None:
    found = trouble(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    origin = f"http://{HOST}:{server.port}"
    assert create(page, f"{origin}/docs", "Tea") == f"{origin}/v1/items"
    assert found == []
    assert asked
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "cdn.example"),
        ("<script>start()</script>", "script-src"),
        ('<p style="color: red">x</p>', "style-src"),
        ('<img src="docs/no-such-file.png">', "404"),
    ],
)
def test_what_the_policy_or_the_network_refuses_is_found(page: Page, server: Server, planted: str, named: str) -> None:
    def plant(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</body>", planted + "</body>"))

    found = trouble(page)
    page.route("**/docs", plant)
    page.goto(f"{server.url}/docs")
    expect(page.locator(".opblock-post")).to_be_visible(timeout=SECONDS)
    assert found
    assert all(named in line for line in found)


def test_it_works_behind_a_proxy_that_takes_a_prefix_off(page: Page, server: Server) -> None:
    def without_prefix(route: Route) -> None:
        path = urlsplit(route.request.url).path.removeprefix("/orders")
        route.fulfill(response=route.fetch(url=server.url + path))

    found = trouble(page)
    page.route(lambda url: urlsplit(url).path.startswith("/orders/"), without_prefix)
    origin = f"http://{HOST}:{server.port}/orders"
    assert create(page, f"{origin}/docs", "Coffee") == f"{origin}/v1/items"
    assert found == []


def test_a_browser_keeps_the_files_and_not_the_page(server: Server) -> None:
    page = httpx2.get(f"{server.url}/docs")
    assert page.headers["cache-control"] == "no-store"
    files = re.findall(r'(?:src|href)="(\S+)"', page.text)
    assert len(files) == 3
    for name in files:
        file = httpx2.get(f"{server.url}/{name}")
        assert file.status_code == 200
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = httpx2.get(f"{server.url}/{name}", headers={"If-None-Match": file.headers["etag"]})
        assert again.status_code == 304


def test_the_docs_are_off_unless_asked_for(service: Service, server: Server, tmp_path: Path) -> None:
    with service.served(tmp_path / "log") as production:
        for path in ("/docs", "/openapi.json"):
            refused = httpx2.get(production.url + path)
            assert refused.status_code == 404
            assert refused.headers["content-type"] == "application/problem+json"
            assert httpx2.get(server.url + path).status_code == 200
