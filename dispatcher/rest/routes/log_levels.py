"""``/millstream/.../log-levels``: what loggers log, changed while the processes run. Flink has no such endpoints."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.common.errors import MillstreamError
from millstream.common.logging.levels import check_level, levels_set, set_level
from millstream.common.wire.inspection_pb2 import SetLogLevelRequest
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import ConflictError
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.logs import LoggerInfo, LogLevel, LogLevels
from millstream.dispatcher.rest.parameters import TaskManagerIdPath
from millstream.dispatcher.rest.responses import empty_response, json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The routes of log levels."""
    router = APIRouter(tags=["millstream"])

    @router.get("/millstream/jobmanager/log-levels", response_model=LogLevels)
    async def get_job_manager_log_levels() -> Response:
        """The loggers of the master that have a level of their own."""
        return json_response(
            LogLevels(levels=[LoggerInfo(logger=name, level=level) for name, level in levels_set().items()])
        )

    @router.put("/millstream/jobmanager/log-levels", response_model=EmptyMessage)
    async def set_job_manager_log_level(request: LogLevel) -> Response:
        """Let a logger of the master log from a level on, until the process ends."""
        _check(request)
        set_level(request.logger, request.level)
        return empty_response()

    @router.put("/millstream/taskmanagers/{taskmanagerid}/log-levels", response_model=EmptyMessage)
    async def set_task_manager_log_level(taskmanagerid: TaskManagerIdPath, request: LogLevel) -> Response:
        """Let a logger of a TaskManager and of its slots log from a level on, until the process ends."""
        _check(request)
        executor = await context.cluster.task_executor(taskmanagerid)
        await executor.set_log_level(SetLogLevelRequest(logger=request.logger, level=request.level))
        return empty_response()

    return router


def _check(request: LogLevel) -> None:
    """The message holds good names and levels only, but not every logger can have every level."""
    try:
        check_level(request.logger, request.level)
    except MillstreamError as error:
        raise ConflictError(str(error)) from error
