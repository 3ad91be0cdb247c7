"""The files of the web interface."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from millstream.dispatcher.rest.static_files import web_files
from tests.unit.dispatcher.rest.fake_cluster import fake_cluster


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "__pycache__").mkdir()
    for name, text in (
        ("index.html", "<html>"),
        ("js/app.js", "start()"),
        ("__init__.py", ""),
        (".git/config", "x"),
        ("__pycache__/a.js", "x"),
    ):
        (tmp_path / name).write_text(text)
    os.utime(tmp_path / "index.html", (1_700_000_000, 1_700_000_000))
    return tmp_path


def test_files_are_listed_but_for_those_that_concern_nobody(directory: Path) -> None:
    files = web_files(directory)
    assert sorted(files) == ["/", "/index.html", "/js/app.js"]
    assert files["/js/app.js"].content_type == "text/javascript"


def test_a_browser_keeps_a_file_and_asks_whether_it_is_still_the_same(directory: Path) -> None:
    async def story() -> None:
        async with fake_cluster(files=web_files(directory)) as cluster:
            page = await cluster.http.get("/")
            assert (page.text, page.headers["content-type"]) == ("<html>", "text/html")
            assert page.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
            assert page.headers["cache-control"] == "private, no-cache"
            assert "default-src 'self'" in page.headers["content-security-policy"]
            for since, status in (
                ("Tue, 14 Nov 2023 22:13:20 GMT", 304),
                ("Tue, 14 Nov 2023 22:13:19 GMT", 200),
                ("yesterday", 200),
            ):
                again = await cluster.http.get("/index.html", headers={"if-modified-since": since})
                assert (again.status_code, bool(again.content)) == (status, status == 200)
            tag = page.headers["etag"]
            for tags, status in ((tag, 304), (f'"other", W/{tag}', 304), ('"other"', 200)):
                # The tag says more than the time: a file may be replaced by an older one.
                conditions = {"if-none-match": tags, "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"}
                again = await cluster.http.get("/index.html", headers=conditions)
                assert (again.status_code, again.headers["etag"]) == (status, tag)

    asyncio.run(story())


@pytest.mark.parametrize("path", ["/js", "/js/", "/js/../../x", "/.git/config", "/%2e%2e/x", "//etc/passwd"])
def test_nothing_else_is_served(directory: Path, path: str) -> None:
    async def story() -> None:
        async with fake_cluster(files=web_files(directory)) as cluster:
            response = await cluster.http.get(f"http://localhost{path}")
            assert response.status_code == 404
            assert response.json()["errors"][0].startswith("Unable to load requested file /")

    asyncio.run(story())
