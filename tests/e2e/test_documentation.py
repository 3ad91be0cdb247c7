"""Every Python example in the documentation runs, and prints what the page says.

The examples of a page run one after the other in one namespace, in an empty directory, on a small cluster. A block
marked ``output`` right after an example holds what it prints; ``output, any order`` if the order of the lines is not
fixed. An example that cannot run here has a comment ``<!-- not run: why -->`` on the line before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.testing import submitting_to
from tests.unit.project.checkout import ROOT

_FENCE = re.compile(r"(<!-- not run: [^\n]+ -->\n)?```([^\n]*)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Example:
    line: int
    code: str
    output: str | None
    any_order: bool


def examples(page: Path) -> Iterator[Example]:
    text = page.read_text(encoding="utf-8")
    blocks = list(_FENCE.finditer(text))
    for index, block in enumerate(blocks):
        not_run, kind, code = block.groups()
        if kind != "python" or not_run:
            continue
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        has_output = following is not None and following.group(2).startswith("output")
        yield Example(
            line=text.count("\n", 0, block.start(3)) + 1,
            code=code,
            output=following.group(3) if following is not None and has_output else None,
            any_order=following is not None and has_output and "any order" in following.group(2),
        )


PAGES = [page for page in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]) if list(examples(page))]


@pytest.fixture(scope="module")
def mini_cluster() -> Iterator[MiniCluster]:
    with MiniCluster(1, 4, "thread") as cluster:
        yield cluster


def lines(text: str, *, any_order: bool) -> list[str]:
    found = [line.rstrip() for line in text.strip().splitlines()]
    return sorted(found) if any_order else found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_run(
    page: Path,
    mini_cluster: MiniCluster,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    name = page.relative_to(ROOT).as_posix()
    with submitting_to(mini_cluster):
        for example in examples(page):
            # The line numbers of a failure are those of the page.
            exec(compile("\n" * (example.line - 1) + example.code, name, "exec"), namespace)
            printed = capsys.readouterr().out
            if example.output is not None:
                assert lines(printed, any_order=example.any_order) == lines(
                    example.output, any_order=example.any_order
                ), f"{name}:{example.line}"
