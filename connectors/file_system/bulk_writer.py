"""Formats whose files are made of many records at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from millstream.common.typeinfo import TypeInformation

__all__ = ["BulkWriter", "BulkWriterFactory", "OutputStream"]


class OutputStream(Protocol):
    """Where a file's bytes go."""

    def write(self, data: bytes | memoryview) -> int: ...

    def tell(self) -> int:
        """How many bytes were written."""
        ...


class BulkWriter(ABC):
    """Writes the records of one file."""

    @abstractmethod
    def add_element(self, element: Any) -> None:
        """Take a record; it may be written later."""

    @abstractmethod
    def finish(self) -> None:
        """Write all that was kept and what a file ends with. The stream is closed by the caller."""

    def abandon(self) -> None:  # noqa: B027  # optional hook
        """The file is given up: let go of everything, and write nothing more. Called in place of :meth:`finish`."""


class BulkWriterFactory(ABC):
    """Makes the writers of a format. It is sent along with the job."""

    @abstractmethod
    def create(self, stream: OutputStream) -> BulkWriter:
        """Make the writer of one file."""

    def for_type(self, input_type: TypeInformation) -> BulkWriterFactory:
        """The factory for records of this type. As a rule the factory itself."""
        return self
