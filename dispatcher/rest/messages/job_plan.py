"""The graph of a job, for drawing."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import Message, OrAbsent

__all__ = ["JobPlan", "JobPlanInfo", "OptimizerProperties", "PlanInput", "PlanNode"]


class PlanInput(Message):
    """An arrow that comes in.

    :ivar num: counts the inputs of the node.
    :ivar id: of the node that it comes from.
    """

    num: int
    id: str
    ship_strategy: str
    exchange: str


class OptimizerProperties(Message):
    """``{}``: there is nothing of that kind."""


class PlanNode(Message):
    """A vertex.

    :ivar description: its chained operators, as HTML.
    :ivar inputs: a source has none.
    """

    id: str
    parallelism: int
    operator: str = ""
    operator_strategy: str = ""
    description: str
    inputs: OrAbsent[list[PlanInput]] = None
    optimizer_properties: OptimizerProperties = OptimizerProperties()


class JobPlan(Message):
    """The graph as a whole."""

    jid: str
    name: str
    type: str
    nodes: list[PlanNode]


class JobPlanInfo(Message):
    """The plan of a job."""

    plan: JobPlan
