"""Log files and threads, as answers."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.wire import inspection_pb2 as pb
from millstream.dispatcher.rest.messages.logs import LogInfo, LogListInfo, ThreadDumpInfo, ThreadInfo

__all__ = ["log_list", "thread_dump"]


def log_list(files: Iterable[pb.LogFile]) -> LogListInfo:
    """The log files of a process."""
    return LogListInfo(logs=[LogInfo(name=file.name, size=file.size, mtime=file.modified_ms) for file in files])


def thread_dump(threads: Iterable[pb.ThreadInfo]) -> ThreadDumpInfo:
    """All threads of a process."""
    return ThreadDumpInfo(
        thread_infos=[ThreadInfo(thread_name=thread.name, stringified_thread_info=thread.text) for thread in threads]
    )
