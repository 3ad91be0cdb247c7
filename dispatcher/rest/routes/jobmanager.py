"""``/jobmanager/...``, and the same as each job sees it: the process that answers."""

from __future__ import annotations

import asyncio
import sys

from fastapi import APIRouter, Request, Response

from millstream.common.inspection.thread_dump import asyncio_tasks, threads_of_this_process
from millstream.common.logging.log_files import LOG, NAMED, STDOUT
from millstream.common.wire.inspection_pb2 import LogFileChunk
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.log_downloads import log_response
from millstream.dispatcher.rest.messages.jobmanager import ConfigurationEntry, EnvironmentInfo, LogUrl
from millstream.dispatcher.rest.messages.logs import LogListInfo, ThreadDumpInfo
from millstream.dispatcher.rest.openapi import TEXT_ANSWER
from millstream.dispatcher.rest.parameters import FileNamePath, JobIdPath
from millstream.dispatcher.rest.payloads.jobmanager import configuration_entries, environment
from millstream.dispatcher.rest.payloads.logs import log_list, thread_dump
from millstream.dispatcher.rest.requests import url_prefix
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_PROCESS = "jobmanager"


def make_router(context: RestContext) -> APIRouter:
    """The routes of the master's process."""
    router = APIRouter(tags=["jobmanager"])
    prefix = f"{url_prefix(context.configuration)}/".lstrip("/")

    @router.get("/jobmanager/config", response_model=list[ConfigurationEntry])
    async def get_job_manager_configuration() -> Response:
        """What the master is configured with; the values of secrets are masked."""
        return json_response(configuration_entries(context.configuration))

    @router.get("/jobmanager/environment", response_model=EnvironmentInfo)
    async def get_job_manager_environment() -> Response:
        """What runs the master's process."""
        return json_response(environment(sys.orig_argv[1:]))

    @router.get("/jobmanager/thread-dump", response_model=ThreadDumpInfo)
    async def get_job_manager_thread_dump() -> Response:
        """What the threads of the master's process are doing."""
        return json_response(thread_dump([*threads_of_this_process(_PROCESS), *asyncio_tasks(_PROCESS)]))

    @router.get("/jobmanager/logs", response_model=LogListInfo)
    async def list_job_manager_logs() -> Response:
        """The log files of the master."""
        return json_response(
            log_list(await asyncio.get_running_loop().run_in_executor(context.threads, context.log_files.list))
        )

    @router.get("/jobmanager/log", responses=TEXT_ANSWER)
    async def get_job_manager_log() -> Response:
        """What the master has logged."""
        return await _file(LOG, "")

    @router.get("/jobmanager/stdout", responses=TEXT_ANSWER)
    async def get_job_manager_stdout() -> Response:
        """What the master has printed."""
        return await _file(STDOUT, "")

    @router.get("/jobmanager/logs/{filename}", responses=TEXT_ANSWER)
    async def get_job_manager_log_file(filename: FileNamePath) -> Response:
        """One of the listed log files of the master."""
        return await _file(NAMED, filename)

    @router.get("/jobs/{jobid}/jobmanager/config", response_model=list[ConfigurationEntry])
    async def get_job_manager_configuration_of_job(_jobid: JobIdPath) -> Response:
        """What the master that runs the job is configured with."""
        return await get_job_manager_configuration()

    @router.get("/jobs/{jobid}/jobmanager/environment", response_model=EnvironmentInfo)
    async def get_job_manager_environment_of_job(_jobid: JobIdPath) -> Response:
        """What runs the process of the master that runs the job."""
        return await get_job_manager_environment()

    @router.get("/jobs/{jobid}/jobmanager/log-url", response_model=LogUrl)
    async def get_job_manager_log_url(request: Request, _jobid: JobIdPath) -> Response:
        """Where the log of the master that runs the job can be read."""
        return json_response(LogUrl(url=f"{request.base_url}{prefix}#/job-manager/logs"))

    async def _file(kind: str, name: str) -> Response:
        async def read(offset: int) -> LogFileChunk:
            return await asyncio.get_running_loop().run_in_executor(
                context.threads, context.log_files.read, kind, name, offset
            )

        return await log_response(read, f"The file {name or kind} is not available on the JobManager.")

    return router
