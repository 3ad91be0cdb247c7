"""The documentation holds together: links with anchors lead somewhere, shown code compiles, shown keys exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from millstream.common.config.registry import find_option, is_prefix_of_known_key
from tests.unit.project.checkout import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_CODE = re.compile(r"```([^\n]*)\n(.*?)```", re.DOTALL)


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_anchors_are_headings(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    dead = [
        f"{target}#{anchor}"
        for target, anchor in targets
        if anchor not in anchors((page.parent / target).resolve() if target else page)
    ]
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_python_code_compiles(page: Path) -> None:
    for language, code in _CODE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            compile(code, page_id(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_configuration_keys_exist(page: Path) -> None:
    shown = re.findall(
        r"`((?:env|execution|heartbeat|jobmanager|jobstore|pipeline|slot|task|taskmanager)\.[\w.-]+)`",
        page.read_text(encoding="utf-8"),
    )
    files = (".sh", ".py", ".log", ".out")
    unknown = [
        key
        for key in shown
        if not key.endswith(files) and find_option(key) is None and not is_prefix_of_known_key(key.rstrip("."))
    ]
    assert unknown == []


def test_files_in_the_architecture_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = {path.name for path in (*ROOT.glob("*/**/*.py"), *ROOT.glob("*/**/*.proto"))}
    shown = re.findall(r"`([\w/]+\.py)`", page)
    assert [name for name in shown if name.rpartition("/")[2] not in names] == []


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in contents] == ["README.md"]
