"""How values of a stream become bytes outside of it: the messages of a queue, the lines of a file."""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from millstream.common.typeinfo import TypeInformation, Types

__all__ = ["ByteArraySchema", "DeserializationSchema", "Encoder", "SerializationSchema", "SimpleStringSchema"]

T = TypeVar("T")


class SerializationSchema(ABC, Generic[T]):
    """Makes bytes of values."""

    @abstractmethod
    def serialize(self, element: T) -> bytes:
        """The bytes of one value."""


class DeserializationSchema(ABC, Generic[T]):
    """Makes values of bytes."""

    @abstractmethod
    def deserialize(self, message: bytes) -> T | None:
        """The value of a message; ``None``: it is left out."""

    def get_produced_type(self) -> TypeInformation:
        """What the values are."""
        return Types.PICKLED_BYTE_ARRAY()

    def is_end_of_stream(self, next_element: T) -> bool:
        """Whether the stream ends before this value."""
        return False


class SimpleStringSchema(SerializationSchema[Any], DeserializationSchema[Any]):
    """Text. What is no text is written as ``str()`` says."""

    def __init__(self, charset: str = "UTF-8") -> None:
        """Make a schema.

        :raises LookupError: there is no such charset.
        """
        self._charset = codecs.lookup(charset).name

    def serialize(self, element: Any) -> bytes:
        return str(element).encode(self._charset)

    def deserialize(self, message: bytes) -> str:
        return message.decode(self._charset)

    def get_produced_type(self) -> TypeInformation:
        return Types.STRING()


class ByteArraySchema(SerializationSchema[Any], DeserializationSchema[Any]):
    """Bytes as they are."""

    def serialize(self, element: Any) -> bytes:
        return bytes(element)

    def deserialize(self, message: bytes) -> bytes:
        return message

    def get_produced_type(self) -> TypeInformation:
        return Types.PRIMITIVE_ARRAY(Types.BYTE())


class Encoder(Generic[T]):
    """Writes values to a file, one after the other."""

    def encode(self, element: T) -> bytes:
        """The bytes of one value, its end included (a newline, say)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it encodes")

    def for_type(self, type_info: TypeInformation) -> Encoder[T]:
        """The encoder for values of a stream of this type. As a rule the encoder itself."""
        return self

    @staticmethod
    def simple_string_encoder(charset_name: str = "UTF-8") -> Encoder[Any]:
        """One line of text per value: as the type of the stream writes it (``(a,1)``, ``+I[a, 1]``), else as ``str()``.

        A character that the charset lacks becomes ``?``.

        :raises LookupError: there is no such charset.
        """
        return _SimpleStringEncoder(charset_name)


class _SimpleStringEncoder(Encoder[Any]):
    def __init__(self, charset_name: str, type_info: TypeInformation | None = None) -> None:
        self._charset = codecs.lookup(charset_name).name
        self._null = "None" if type_info is None else "null"
        self._type_info = type_info if type_info is not None and type_info.text_differs() else None

    def for_type(self, type_info: TypeInformation) -> Encoder[Any]:
        untyped = type_info == Types.PICKLED_BYTE_ARRAY()
        return _SimpleStringEncoder(self._charset, None if untyped else type_info)

    def encode(self, element: Any) -> bytes:
        type_info = self._type_info
        if element is None:
            element = self._null
        elif type_info is not None:
            element = type_info.to_java_text(element)
        return f"{element}\n".encode(self._charset, "replace")
