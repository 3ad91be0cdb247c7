"""docs/configuration.md is what the options say."""

from __future__ import annotations

from pathlib import Path

from millstream.common.config.documentation import render

_PAGE = Path(__file__).parents[4] / "docs" / "configuration.md"


def test_the_page_is_current() -> None:
    assert _PAGE.read_text(encoding="utf-8") == render(), "run `make docs`"
