"""Schemas and encoders."""

from __future__ import annotations

import pytest

from millstream.common import ByteArraySchema, Encoder, Row, SimpleStringSchema, Types


def test_text() -> None:
    schema = SimpleStringSchema()
    assert schema.serialize("größer") == "größer".encode()
    assert schema.deserialize("größer".encode()) == "größer"
    assert schema.serialize(5) == b"5"
    assert SimpleStringSchema("ISO-8859-1").serialize("ö") == b"\xf6"
    assert schema.get_produced_type() == Types.STRING()
    assert not schema.is_end_of_stream("x")
    with pytest.raises(LookupError):
        SimpleStringSchema("no such charset")


def test_bytes() -> None:
    schema = ByteArraySchema()
    assert schema.serialize(bytearray(b"ab")) == b"ab"
    assert schema.deserialize(b"ab") == b"ab"
    assert schema.get_produced_type() == Types.PRIMITIVE_ARRAY(Types.BYTE())


def test_lines() -> None:
    encoder = Encoder.simple_string_encoder()
    assert encoder.encode((1, "a")) == b"(1, 'a')\n"
    with pytest.raises(NotImplementedError, match="does not say how it encodes"):
        Encoder[str]().encode("x")


def test_lines_of_a_typed_stream() -> None:
    encoder = Encoder.simple_string_encoder()
    assert encoder.for_type(Types.TUPLE([Types.STRING(), Types.DOUBLE()])).encode(("a", 1e10)) == b"(a,1.0E10)\n"
    assert encoder.for_type(Types.ROW([Types.STRING(), Types.INT()])).encode(Row("a", None)) == b"+I[a, null]\n"
    assert encoder.for_type(Types.STRING()).encode(None) == b"null\n"
    assert encoder.for_type(Types.PICKLED_BYTE_ARRAY()).encode(True) == b"True\n"
    assert Encoder[str]().for_type(Types.STRING()).__class__ is Encoder


def test_what_the_charset_lacks() -> None:
    assert Encoder.simple_string_encoder("ISO-8859-1").encode("\u20ac\xe9") == b"?\xe9\n"
