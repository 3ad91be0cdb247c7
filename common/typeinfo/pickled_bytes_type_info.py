"""Any Python object: the type of streams for which none is given."""

from __future__ import annotations

from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["PickledBytesTypeInfo"]


class PickledBytesTypeInfo(TypeInformation):
    """Values travel pickled and arrive as they were."""

    __slots__ = ()

    @staticmethod
    def PICKLED_BYTE_ARRAY_TYPE_INFO() -> PickledBytesTypeInfo:  # PyFlink's name
        return PickledBytesTypeInfo()

    def need_conversion(self) -> bool:
        return False

    def guard(self, variable: str) -> str | None:
        return "True"

    def __repr__(self) -> str:
        return "PickledByteArrayTypeInfo"
