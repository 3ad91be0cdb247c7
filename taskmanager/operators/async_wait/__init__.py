"""Runs functions that wait: many records are under way at once, and what comes out is put in order."""

from __future__ import annotations

from millstream.taskmanager.operators.async_wait.async_wait_operator import AsyncWaitOperator

__all__ = ["AsyncWaitOperator"]
