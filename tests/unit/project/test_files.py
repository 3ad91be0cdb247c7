"""Files stay small enough to be read at once."""

from __future__ import annotations

import statistics

from tests.unit.project.checkout import PACKAGES, ROOT, sources

_MOST_LINES = 800
_MEDIAN_LINES = 200


def test_no_file_is_longer_than_can_be_read() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(*PACKAGES, "tests", "examples", "benchmarks")
    }
    assert {name: length for name, length in lengths.items() if length > _MOST_LINES} == {}


def test_most_files_hold_one_noun() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*PACKAGES)]
    assert statistics.median(length for length in lengths if length) < _MEDIAN_LINES
