# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The API docs need nothing from elsewhere, and their policy allows nothing else. (The template tests a browser.)"""

import re
from base64 import b64encode
from hashlib import sha256

import httpx2
import pytest
from fastapi import FastAPI

from {{ cookiecutter.__package }}.app import (
    create_app,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)


def client(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def page() -> httpx2.Response:
    async with client(create_app(load_settings(Settings, {"APP_HTTP__DOCS": "true"}))) as asking:
        return await asking.get("/docs")


async def test_every_file_of_the_page_is_the_services_own(page: httpx2.Response) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 3
    async with client(create_app(load_settings(Settings, {"APP_HTTP__DOCS": "true"}))) as asking:
        for address in addresses:
            assert (await asking.get(f"/{address}")).status_code == 200


async def test_the_policy_names_the_pages_script_and_allows_no_other(page: httpx2.Response) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.S)
    policy = page.headers["content-security-policy"]
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_in_production_there_are_no_docs() -> None:
    async with client(create_app(load_settings(Settings, {}))) as asking:
        for path in ("/docs", "/openapi.json"):
            assert (await asking.get(path)).status_code == 404
