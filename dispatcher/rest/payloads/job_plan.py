"""The graph of a job, as an answer."""

from __future__ import annotations

import html
from collections.abc import Iterable

from millstream.common.wire.cluster_pb2 import JobDetails, PlanNode
from millstream.dispatcher.rest.messages import job_plan as messages

__all__ = ["as_html", "job_plan", "plan_nodes"]


def job_plan(details: JobDetails) -> messages.JobPlan:
    """Return the graph of a job. Before the job has a JobMaster, there are no nodes."""
    return messages.JobPlan(
        jid=details.summary.job_id,
        name=details.summary.name,
        type=details.job_type or "STREAMING",
        nodes=plan_nodes(details.plan),
    )


def plan_nodes(nodes: Iterable[PlanNode]) -> list[messages.PlanNode]:
    """Return the nodes with their inputs."""
    return [
        messages.PlanNode(
            id=node.vertex_id,
            parallelism=node.parallelism,
            description=as_html(node.description),
            inputs=_inputs(node) or None,
        )
        for node in nodes
    ]


def as_html(description: str) -> str:
    """Return lines of text as HTML. Interfaces show it as it is, and users name their operators as they like."""
    return "".join(f"{html.escape(line)}<br/>" for line in description.splitlines())


def _inputs(node: PlanNode) -> list[messages.PlanInput]:
    return [
        messages.PlanInput(num=number, id=given.vertex_id, ship_strategy=given.ship_strategy, exchange=given.exchange)
        for number, given in enumerate(node.inputs)
    ]
