"""The README shows the example that is in the repository."""

from __future__ import annotations

import ast
import re

from tests.unit.project.checkout import ROOT


def test_the_program_in_the_readme_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ((name, shown),) = re.findall(r"<!-- (examples/\w+\.py) -->\n```python\n(.*?)```", readme, re.DOTALL)
    example = (ROOT / name).read_text(encoding="utf-8")
    # All but the docstring and the __future__ import.
    rest = ast.parse(example).body[2].lineno - 1
    assert shown == "".join(example.splitlines(keepends=True)[rest:])


def test_local_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []
