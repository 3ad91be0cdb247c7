"""``/taskmanagers...``: the processes that run tasks."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from millstream.common.logging.log_files import LOG, NAMED, STDOUT
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import LogFileChunk, ReadLogFileRequest
from millstream.dispatcher.rest.cluster import UnknownTaskManagerError
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import NotFoundError
from millstream.dispatcher.rest.log_downloads import log_response
from millstream.dispatcher.rest.messages.jobmanager import LogUrl
from millstream.dispatcher.rest.messages.logs import LogListInfo, ThreadDumpInfo
from millstream.dispatcher.rest.messages.taskmanagers import TaskManagerDetailsInfo, TaskManagersInfo
from millstream.dispatcher.rest.openapi import TEXT_ANSWER
from millstream.dispatcher.rest.parameters import FileNamePath, JobIdPath, TaskManagerIdPath
from millstream.dispatcher.rest.payloads.logs import log_list, thread_dump
from millstream.dispatcher.rest.payloads.taskmanagers import task_manager_details, task_managers
from millstream.dispatcher.rest.requests import url_prefix
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The routes of the TaskManagers, but for their metrics."""
    router = APIRouter(tags=["taskmanagers"])
    prefix = f"{url_prefix(context.configuration)}/".lstrip("/")

    @router.get("/taskmanagers", response_model=TaskManagersInfo)
    async def list_task_managers() -> Response:
        """All TaskManagers."""
        return json_response(task_managers(await context.cluster.task_managers()))

    @router.get("/taskmanagers/{taskmanagerid}", response_model=TaskManagerDetailsInfo)
    async def get_task_manager_details(taskmanagerid: TaskManagerIdPath) -> Response:
        """A TaskManager, what runs in its slots and what it uses."""
        summary = await context.cluster.task_manager(taskmanagerid)
        store = await context.metrics.refresh()
        return json_response(task_manager_details(summary, store.task_manager(taskmanagerid) or {}))

    @router.get("/taskmanagers/{taskmanagerid}/logs", response_model=LogListInfo)
    async def list_task_manager_logs(taskmanagerid: TaskManagerIdPath) -> Response:
        """The log files of a TaskManager."""
        executor = await context.cluster.task_executor(taskmanagerid)
        return json_response(log_list((await executor.list_log_files(pb.Empty())).files))

    @router.get("/taskmanagers/{taskmanagerid}/log", responses=TEXT_ANSWER)
    async def get_task_manager_log(taskmanagerid: TaskManagerIdPath) -> Response:
        """What a TaskManager has logged."""
        return await _file(taskmanagerid, LOG, "")

    @router.get("/taskmanagers/{taskmanagerid}/stdout", responses=TEXT_ANSWER)
    async def get_task_manager_stdout(taskmanagerid: TaskManagerIdPath) -> Response:
        """What a TaskManager and the functions of its tasks have printed."""
        return await _file(taskmanagerid, STDOUT, "")

    @router.get("/taskmanagers/{taskmanagerid}/logs/{filename}", responses=TEXT_ANSWER)
    async def get_task_manager_log_file(taskmanagerid: TaskManagerIdPath, filename: FileNamePath) -> Response:
        """One of the listed log files of a TaskManager."""
        return await _file(taskmanagerid, NAMED, filename)

    @router.get("/taskmanagers/{taskmanagerid}/thread-dump", response_model=ThreadDumpInfo)
    async def get_task_manager_thread_dump(taskmanagerid: TaskManagerIdPath) -> Response:
        """What the threads of a TaskManager and of its slots are doing."""
        executor = await context.cluster.task_executor(taskmanagerid)
        return json_response(thread_dump((await executor.request_thread_dump(pb.Empty())).threads))

    @router.get("/jobs/{jobid}/taskmanagers/{taskmanagerid}/log-url", response_model=LogUrl)
    async def get_task_manager_log_url(
        request: Request, _jobid: JobIdPath, taskmanagerid: TaskManagerIdPath
    ) -> Response:
        """Where the log of a TaskManager that runs the job can be read."""
        return json_response(LogUrl(url=f"{request.base_url}{prefix}#/task-manager/{taskmanagerid}/logs"))

    async def _file(resource_id: str, kind: str, name: str) -> Response:
        try:
            executor = await context.cluster.task_executor(resource_id)
        except UnknownTaskManagerError as error:
            message = f"Failed to transfer file from TaskExecutor {resource_id} because it was unknown."
            raise NotFoundError(message) from error

        async def read(offset: int) -> LogFileChunk:
            return await executor.read_log_file(ReadLogFileRequest(kind=kind, name=name, offset=offset))

        return await log_response(read, f"The file {name or kind} is not available on the TaskExecutor {resource_id}.")

    return router
