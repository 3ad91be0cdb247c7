"""A strict reader of Prometheus' text format 0.0.4, written from its description and not from any library's code.

It refuses what scrapers forgive: families that are not in one piece, HELP or TYPE twice or after a sample, samples of
other families in between, the same sample twice, characters that must be escaped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Family", "read_exposition"]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
_VALUE = r"NaN|[+-]?Inf|[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_HELP_LINE = re.compile(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\\\|\\n)*)")
_TYPE_LINE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_PAIR = rf'({_LABEL})="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
_SAMPLE_LINE = re.compile(rf"({_NAME})(?:\{{((?:{_PAIR})(?:,(?:{_PAIR}))*,?)\}})? ({_VALUE})")
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass
class Family:
    """A family as it was read.

    :ivar samples: value by (name, labels).
    """

    help: str
    type: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)


def read_exposition(text: str) -> dict[str, Family]:
    """The families of a text, by name.

    :raises ValueError: the text breaks a rule.
    """
    if text and not text.endswith("\n"):
        raise ValueError("the last line must end")
    families: dict[str, Family] = {}
    current = ""
    lines = text.split("\n")[:-1]
    for number, line in enumerate(lines, 1):
        where = f"line {number}: {line!r}"
        if line.startswith("# HELP"):
            found = _HELP_LINE.fullmatch(line)
            if found is None or found[1] in families:
                raise ValueError(f"HELP is wrong or there twice in {where}")
            current = found[1]
            families[current] = Family(_unescaped(found[2]), "")
        elif line.startswith("# TYPE"):
            found = _TYPE_LINE.fullmatch(line)
            if found is None or found[1] != current or families[current].type or families[current].samples:
                raise ValueError(f"TYPE is wrong, there twice or out of place in {where}")
            families[current].type = found[2]
        else:
            _read_sample(line, where, current, families)
    return families


def _read_sample(line: str, where: str, current: str, families: dict[str, Family]) -> None:
    found = _SAMPLE_LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no sample in {where}")
    family = families.get(current)
    suffixes = ("", "_count", "_sum") if family is not None and family.type == "summary" else ("",)
    if family is None or not family.type or found[1] not in [current + suffix for suffix in suffixes]:
        raise ValueError(f"a sample of another family in {where}")
    pairs = re.findall(_PAIR, found[2] or "")
    labels = {name: _unescaped(value) for name, value in pairs}
    if len(labels) != len(pairs) or any(name.startswith("__") for name in labels):
        raise ValueError(f"labels there twice or reserved in {where}")
    key = found[1], tuple(sorted(labels.items()))
    if key in family.samples:
        raise ValueError(f"the sample is there twice in {where}")
    family.samples[key] = float(line.rpartition(" ")[2].replace("Inf", "inf"))


def _unescaped(text: str) -> str:
    return re.sub(r'\\[\\"n]', lambda found: _ESCAPES[found[0]], text)
