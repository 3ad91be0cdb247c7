"""A change of one line or two that breaks a promise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutation"]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One promise, broken.

    :ivar name: which, in a word or two.
    :ivar breaks: what goes wrong then.
    :ivar path: the file, from the project's root.
    :ivar old: text that is in it exactly once.
    :ivar new: what it is replaced by.
    :ivar tests: files or directories; tests in them must go red.
    :ivar unseen: why no simulated cluster can show it; empty: one must, under some seed.
    """

    name: str
    breaks: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]
    unseen: str = ""

    def apply(self, root: Path) -> None:
        """Break it in the checkout at ``root``.

        :raises ValueError: the text is not there exactly once: the code has changed, and so must the mutation.
        """
        file = root / self.path
        source = file.read_text()
        if source.count(self.old) != 1:
            raise ValueError(f"mutation {self.name!r}: {self.path} has {source.count(self.old)} times {self.old!r}")
        file.write_text(source.replace(self.old, self.new))
