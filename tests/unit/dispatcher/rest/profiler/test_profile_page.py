"""A profile as a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

from millstream.common.wire.inspection_pb2 import ProfiledStack, ThreadProfile
from millstream.dispatcher.rest.profiler.profile_page import profile_page

SVG = "{http://www.w3.org/2000/svg}"
DAEMON = ThreadProfile(
    frames=["daemon MainThread", "run", "<listcomp> & co"],
    stacks=[ProfiledStack(frames=[0, 1], count=1), ProfiledStack(frames=[0, 1, 2], count=2)],
)
WORKER = ThreadProfile(frames=["worker MainThread", "run"], stacks=[ProfiledStack(frames=[0, 1], count=1)])


class _Parts(HTMLParser):
    """Notes what a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")


def _boxes(page: str) -> dict[str, tuple[float, float, int]]:
    """Where each box is: from, width (both percent), row."""
    found = re.search("<svg.*</svg>", page, re.DOTALL)
    assert found is not None
    image = ET.fromstring(found.group())  # our own
    return {
        f"{box.findtext(f'{SVG}text')} {box.attrib['x']}": (
            float(box.attrib["x"].rstrip("%")),
            float(box.attrib["width"].rstrip("%")),
            int(box.attrib["y"]) // 18,
        )
        for box in image.iter(f"{SVG}svg")
        if box is not image
    }


def test_boxes_stand_below_who_called_and_are_as_wide_as_their_share() -> None:
    boxes = _boxes(profile_page("x", [], [DAEMON, WORKER]))
    assert boxes == {
        "root 0.0000%": (0, 100, 0),
        "daemon MainThread 0.0000%": (0, 75, 1),
        "run 0.0000%": (0, 75, 2),
        "<listcomp> & co 0.0000%": (0, 50, 3),
        "worker MainThread 75.0000%": (75, 25, 1),
        "run 75.0000%": (75, 25, 2),
    }


def test_innermost_functions_are_listed_by_their_share() -> None:
    page = profile_page("x", [], [DAEMON, WORKER])
    rows = re.findall(r'<td class="n">(\d+)</td><td class="n">([\d.]+) %</td><td><code>(.*?)</code>', page)
    assert rows == [("2", "50.0", "run"), ("2", "50.0", "&lt;listcomp&gt; &amp; co")]


def test_names_are_text_and_nothing_is_fetched_or_run() -> None:
    evil = '"><script>alert(1)</script><img src=http://x onload=y>'
    page = profile_page(
        evil, [evil], [ThreadProfile(frames=[evil, evil], stacks=[ProfiledStack(frames=[0, 1], count=1)])]
    )
    parts = _Parts(page)
    assert not parts.tags & {"script", "img", "link", "iframe", "object", "a", "use", "image"}
    assert not {name for name in parts.attributes if name.startswith("on") or name in ("src", "href", "style")}
    assert parts.attributes["xmlns"] == {"http://www.w3.org/2000/svg"}  # a name, not an address to fetch


def test_what_nobody_could_see_is_not_drawn() -> None:
    many = ThreadProfile(
        frames=["thread", "hot", "rare"],
        stacks=[ProfiledStack(frames=[0, 1], count=100_000), ProfiledStack(frames=[0, 2], count=1)],
    )
    assert {name.split()[0] for name in _boxes(profile_page("x", [], [many]))} == {"root", "thread", "hot"}


def test_a_profile_of_nothing_says_so() -> None:
    page = profile_page("CPU profile", ["1 s"], [ThreadProfile()])
    assert "Nothing was seen" in page
    assert not {"svg", "table"} & _Parts(page).tags


def test_a_very_deep_stack_is_drawn() -> None:
    frames = [f"f{number}" for number in range(3_000)]
    deep = ThreadProfile(frames=frames, stacks=[ProfiledStack(frames=range(3_000), count=1)])
    assert len(_boxes(profile_page("x", [], [deep]))) == 3_001
