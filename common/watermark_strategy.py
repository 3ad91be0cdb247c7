"""How a source makes watermarks."""

from __future__ import annotations

from typing import Any, NoReturn

from millstream.common.errors import InvalidProgramError

__all__ = ["WatermarkStrategy"]


class WatermarkStrategy:
    """How timestamps and watermarks are made.

    Event time is not there yet: the only strategy is to make none, and a program that asks for another is refused
    rather than run with other results.
    """

    __slots__ = ()

    @staticmethod
    def no_watermarks() -> WatermarkStrategy:
        """No watermarks but the one at the end of the input."""
        return WatermarkStrategy()

    @staticmethod
    def for_monotonous_timestamps() -> WatermarkStrategy:
        """Refused in this version."""
        _refuse("for_monotonous_timestamps()")

    @staticmethod
    def for_bounded_out_of_orderness(max_out_of_orderness: Any) -> WatermarkStrategy:  # noqa: ARG004  # PyFlink's signature
        """Refused in this version."""
        _refuse("for_bounded_out_of_orderness(...)")

    def with_timestamp_assigner(self, timestamp_assigner: Any) -> WatermarkStrategy:
        """Refused in this version."""
        _refuse("with_timestamp_assigner(...)")

    def with_idleness(self, idle_timeout: Any) -> WatermarkStrategy:
        """Refused in this version."""
        _refuse("with_idleness(...)")

    def with_watermark_alignment(
        self, watermark_group: str, max_allowed_watermark_drift: Any, update_interval: Any = None
    ) -> WatermarkStrategy:
        """Refused in this version."""
        _refuse("with_watermark_alignment(...)")


def _refuse(what: str) -> NoReturn:
    raise InvalidProgramError(
        f"WatermarkStrategy.{what}: this version of Millstream has no event time yet; a program that needs no "
        "timestamps and watermarks can use WatermarkStrategy.no_watermarks()"
    )
