"""What a job runs with, as an answer."""

from __future__ import annotations

from millstream.common.config import Configuration, CoreOptions, PipelineOptions
from millstream.common.config.secret import shown
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.dispatcher.rest.messages.job_config import ExecutionConfigInfo, JobConfigInfo

__all__ = ["job_config", "settings_of_job"]


def settings_of_job(cluster: Configuration, details: JobDetails) -> Configuration:
    """Return the settings of a job, over those of the cluster."""
    return Configuration(cluster).add_all(Configuration.from_map(dict(details.configuration)))


def job_config(details: JobDetails, settings: Configuration) -> JobConfigInfo:
    """Return the settings of a job's program. Secrets among its parameters are masked.

    :param settings: of the job, over those of the cluster.
    """
    parameters = settings.get(PipelineOptions.GLOBAL_JOB_PARAMETERS)
    return JobConfigInfo(
        jid=details.summary.job_id,
        name=details.summary.name,
        execution_config=ExecutionConfigInfo(
            execution_mode="BATCH" if details.job_type == "BATCH" else "PIPELINED",
            restart_strategy=details.restart_strategy or "Cluster level default restart strategy",
            job_parallelism=settings.get(CoreOptions.DEFAULT_PARALLELISM),
            object_reuse_mode=settings.get(PipelineOptions.OBJECT_REUSE),
            user_config={key: shown(key, value) for key, value in parameters.items()},
        ),
    )
