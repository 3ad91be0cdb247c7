"""A job graph that a client has built itself."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import CamelMessage

__all__ = ["JobSubmitRequest", "JobSubmitResponse"]


class JobSubmitRequest(CamelMessage):
    """Names the files that come with the request.

    :ivar job_jar_file_names: Java archives: refused.
    """

    job_graph_file_name: str
    job_jar_file_names: list[str] | None = None


class JobSubmitResponse(CamelMessage):
    """The job is accepted.

    :ivar job_url: where to ask for it.
    """

    job_url: str
