"""Makes the input of the word count: Zipf-distributed words, ten a line, always the same for a size."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

__all__ = ["zipf_text"]

_VOCABULARY = 50_000
_WORDS_PER_LINE = 10
_SYLLABLES = ["ba", "co", "di", "fu", "ge", "ha", "jo", "ki", "lu", "me", "na", "po", "ri", "su", "te", "vo"]


def _word(number: int) -> str:
    parts = []
    while True:
        parts.append(_SYLLABLES[number % 16])
        number //= 16
        if not number:
            return "".join(parts)


def zipf_text(directory: Path, megabytes: int) -> Path:
    """Return a file of about ``megabytes`` MB in ``directory``, made on the first call."""
    target = directory / f"zipf-{megabytes}mb.txt"
    if target.exists():
        return target
    source = random.Random(42)
    words = [_word(i) for i in range(_VOCABULARY)]
    weights = list(itertools.accumulate(1.0 / rank for rank in range(1, _VOCABULARY + 1)))
    temporary = target.with_suffix(".tmp")
    written = 0
    with open(temporary, "w", encoding="utf-8") as file:
        while written < megabytes * 1_000_000:
            drawn = source.choices(words, cum_weights=weights, k=_WORDS_PER_LINE * 10_000)
            lines = [" ".join(drawn[i : i + _WORDS_PER_LINE]) for i in range(0, len(drawn), _WORDS_PER_LINE)]
            written += file.write("\n".join(lines) + "\n")
    os.replace(temporary, target)
    return target
