"""What a sink's files are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["OutputFileConfig"]


@dataclass(frozen=True, slots=True)
class OutputFileConfig:
    """Prefix and suffix of the names: ``<prefix>-<unique id>-<number><suffix>``.

    :raises ValueError: one of them cannot be a part of a file's name.
    """

    part_prefix: str
    part_suffix: str

    def __post_init__(self) -> None:
        _check("prefix", self.part_prefix)
        _check("suffix", self.part_suffix)

    def get_part_prefix(self) -> str:
        return self.part_prefix

    def get_part_suffix(self) -> str:
        return self.part_suffix

    @staticmethod
    def builder() -> OutputFileConfig.OutputFileConfigBuilder:
        """Start with the prefix ``part`` and no suffix."""
        return OutputFileConfig.OutputFileConfigBuilder()

    class OutputFileConfigBuilder:
        """Builds an :class:`OutputFileConfig`."""

        def __init__(self) -> None:
            self.part_prefix = "part"
            self.part_suffix = ""

        def with_part_prefix(self, prefix: str) -> OutputFileConfig.OutputFileConfigBuilder:
            self.part_prefix = prefix
            return self

        def with_part_suffix(self, suffix: str) -> OutputFileConfig.OutputFileConfigBuilder:
            self.part_suffix = suffix
            return self

        def build(self) -> OutputFileConfig:
            return OutputFileConfig(self.part_prefix, self.part_suffix)


def _check(what: str, text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError(f"the {what} of part files is a text, not {text!r}")
    if "/" in text or "\0" in text:
        raise ValueError(f"the {what} {text!r} of part files cannot be in a file's name; directories are for buckets")
