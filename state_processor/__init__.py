"""Savepoints and checkpoints as tables: read what is in them, mend them, make new ones.

This runs in the user's own process and gives the user's own objects, so what it reads is trusted as the user's code is.
"""

from __future__ import annotations

from millstream.state_processor.operator_identifier import OperatorIdentifier
from millstream.state_processor.savepoint_reader import SavepointOperator, SavepointReader
from millstream.state_processor.savepoint_writer import SavepointWriter
from millstream.state_processor.state_info import StateInfo
from millstream.state_processor.state_row import StateRow
from millstream.state_processor.state_table import StateTable

__all__ = [
    "OperatorIdentifier",
    "SavepointOperator",
    "SavepointReader",
    "SavepointWriter",
    "StateInfo",
    "StateRow",
    "StateTable",
]
