"""Builds what a task runs from its deployment: a source or input gate at the head, a tree of operators, edges out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from millstream.common.clock import Clock
from millstream.common.config import CheckpointingOptions, ClientOptions, Configuration, MetricOptions, PipelineOptions
from millstream.common.graph.operator_spec import EnumeratorSpec, LegacySourceSpec, SourceSpec
from millstream.common.key_groups import KeyGroupRange
from millstream.common.metrics import MetricGroup
from millstream.common.wire.cluster_pb2 import SplitRequest
from millstream.common.wire.graph_pb2 import OperatorNode, ResultPartitionDeployment, TaskDeployment
from millstream.taskmanager.exchange import InputGate, ResultWriter
from millstream.taskmanager.metrics.latency_stats import LatencyStats
from millstream.taskmanager.metrics.metric_place import MetricPlace
from millstream.taskmanager.network.channel_replay import ChannelReplay
from millstream.taskmanager.operators.accumulator_registry import AccumulatorRegistry
from millstream.taskmanager.operators.collect_sink import CollectSinkOperator
from millstream.taskmanager.operators.conversion_operator import ConversionOperator
from millstream.taskmanager.operators.fused import fusable, is_lazy
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, TaskInfo
from millstream.taskmanager.operators.outlet import Outlet
from millstream.taskmanager.operators.registry import create_fused_operator, create_operator
from millstream.taskmanager.operators.timestamps import TimestampsOperator
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.task.alarm import Alarm
from millstream.taskmanager.task.chain_node import ChainNode, Targets
from millstream.taskmanager.task.edge_output import EdgeOutput
from millstream.taskmanager.task.enumerator_source import EnumeratorSource
from millstream.taskmanager.task.interrupt import UserCodeSection
from millstream.taskmanager.task.latency_marks import LatencyMarks
from millstream.taskmanager.task.legacy_source import LegacySource
from millstream.taskmanager.task.reader_source import ReaderSource
from millstream.taskmanager.task.snapshot_storage import SnapshotStorage
from millstream.taskmanager.task.source_driver import SourceDriver
from millstream.taskmanager.task.source_watermarks import SourceAlignment, create_time_operator
from millstream.taskmanager.task.split_requests import SplitRequests
from millstream.taskmanager.task.task_metrics import TaskTimes
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.user_code import load_payload

__all__ = ["Chain", "Exchange", "TaskServices", "build_chain"]


class Exchange(Protocol):
    """Makes the ends of the data plane; the network environment does."""

    def create_result_writer(
        self, deployment: ResultPartitionDeployment, attempt_id: str, subtask_index: int
    ) -> ResultWriter: ...

    def create_input_gate(self, task: TaskDeployment) -> InputGate: ...

    def create_replay(self, task: TaskDeployment) -> ChannelReplay: ...


@dataclass(frozen=True, slots=True)
class TaskServices:
    """What a worker's tasks share.

    :ivar configuration: the TaskManager's settings with the job's over them.
    :ivar storage: where snapshots go.
    :ivar executor: threads in which state is written and read.
    :ivar task_manager: where this runs, for messages.
    :ivar inline: put simple functions into generated code; off where somebody may want to step through them.
    :ivar state_directory: for the files of state backends, on a local disk.
    :ivar own_process: the slot has a process of its own, which may be forked.
    :ivar job_name: of the job whose tasks these are.
    :ivar metrics: how what is measured is named.
    """

    exchange: Exchange
    clock: Clock
    configuration: Configuration
    section: UserCodeSection
    storage: SnapshotStorage
    executor: Executor
    task_manager: str = ""
    inline: bool = False
    state_directory: Path | None = None
    own_process: bool = False
    job_name: str = ""
    metrics: MetricPlace = field(default_factory=MetricPlace.nowhere)

    @property
    def checkpointing(self) -> bool:
        """The job takes checkpoints by itself."""
        return bool(self.configuration.get(CheckpointingOptions.INTERVAL))


@dataclass(slots=True)
class Chain:
    """A task's operators.

    :ivar head: where the input goes: the first operator, or what comes after the source.
    :ivar nodes: all operators, parents first.
    :ivar source_targets: where the source's output goes once it has its timestamps and watermarks.
    :ivar states: the state of each operator of the vertex, in their order.
    :ivar metric_groups: where the functions of each operator register what they measure, in the same order.
    :ivar accumulators: those of the functions of each operator, in the same order.
    :ivar alarms: who is to be woken when one rings.
    :ivar latency_marks: what marks the source's output with the time, if that is wanted.
    :ivar latencies: what was learnt from the marks that came by; ``None`` before the chain is built.
    :ivar source_alarm: the source's; when it rings, the source is polled.
    """

    head: Targets = field(default_factory=Targets)
    source: SourceDriver | None = None
    source_targets: Targets = field(default_factory=Targets)
    nodes: list[ChainNode] = field(default_factory=list)
    edges: list[EdgeOutput] = field(default_factory=list)
    outlets: list[Outlet] = field(default_factory=list)
    infos: list[OperatorInfo] = field(default_factory=list)
    states: list[tuple[OperatorInfo, OperatorStates]] = field(default_factory=list)
    metric_groups: list[MetricGroup] = field(default_factory=list)
    accumulators: list[AccumulatorRegistry] = field(default_factory=list)
    alarms: dict[Alarm, ChainNode | LatencyMarks] = field(default_factory=dict)
    source_alarm: Alarm | None = None
    latency_marks: LatencyMarks | None = None
    latencies: LatencyStats | None = None

    def late_records_dropped(self) -> Iterator[tuple[OperatorInfo, int]]:
        """How many records each operator has dropped because they came too late, if it has dropped any."""
        for node in self.nodes:
            dropped = node.operator.late_records_dropped()
            if dropped:
                yield node.operator.infos[-1], dropped

    def records_out(self) -> Iterator[tuple[OperatorInfo, int]]:
        """What each operator has put out so far."""
        if self.source is not None:
            yield self.source.info, self.source.records_out
        for node in self.nodes:
            yield from node.operator.records_out()

    def find_collect_sink(self, operator_id: str) -> CollectSinkOperator | None:
        """Return the sink that keeps results for the client."""
        for node in self.nodes:
            operator = node.operator
            if isinstance(operator, CollectSinkOperator) and operator.infos[0].operator_id == operator_id:
                return operator
        return None


def build_chain(
    deployment: TaskDeployment,
    task: TaskInfo,
    services: TaskServices,
    times: TaskTimes,
    on_failure: Callable[[BaseException], None],
    on_alarm: Callable[[Alarm], None],
    request_split: Callable[[SplitRequest], None],
    chain: Chain,
) -> None:
    """Fill ``chain``, so that what was made before an error can be let go of.

    :param on_failure: told what went wrong outside the task's own coroutine.
    :param on_alarm: told that an alarm rings.
    :param request_split: takes what a reader asks of its source's enumerator.
    :raises UserCodeError: an operator's payload cannot be loaded, or its function is none.
    """
    _ChainBuilder(deployment, task, services, times, on_failure, on_alarm, request_split, chain).build()


class _ChainBuilder:
    def __init__(
        self,
        deployment: TaskDeployment,
        task: TaskInfo,
        services: TaskServices,
        times: TaskTimes,
        on_failure: Callable[[BaseException], None],
        on_alarm: Callable[[Alarm], None],
        request_split: Callable[[SplitRequest], None],
        chain: Chain,
    ) -> None:
        self._deployment = deployment
        self._operators: Sequence[OperatorNode] = deployment.vertex.operators
        self._services = services
        self._times = times
        self._on_failure = on_failure
        self._on_alarm = on_alarm
        self._request_split = request_split
        self._chain = chain
        configuration = services.configuration
        job_parameters = configuration.get(PipelineOptions.GLOBAL_JOB_PARAMETERS)
        self._base = OperatorContext(
            info=OperatorInfo(""),
            task=task,
            job_parameters=job_parameters,
            clock=services.clock,
            inline=services.inline,
            fetch_timeout_s=configuration.get(ClientOptions.HEARTBEAT_TIMEOUT).total_seconds(),
            auto_watermark_interval_ms=configuration.get(PipelineOptions.AUTO_WATERMARK_INTERVAL)
            // timedelta(milliseconds=1),
            checkpointing=services.checkpointing,
        )
        # By parent (or source) and by tag of its side output; no tag is the main output.
        self._children: dict[int, dict[str, list[int]]] = {}
        for index, node in enumerate(self._operators):
            for chain_input in node.inputs:
                of_parent = self._children.setdefault(chain_input.parent, {})
                of_parent.setdefault(chain_input.output_tag, []).append(index)
        self._edges: dict[int, dict[str, list[EdgeOutput]]] = {}
        self._specs: list[Any] = []
        self._contexts: list[OperatorContext] = []

    def build(self) -> None:
        services = self._services
        self._chain.latencies = LatencyStats(self._base.task.subtask_index, services.clock, services.configuration)
        for node in self._operators:
            info = OperatorInfo(node.name, node.operator_id, node.kind)
            self._chain.infos.append(info)
            alarm = Alarm(self._services.clock, self._on_alarm)
            state = self._create_state(info, alarm)
            self._chain.states.append((info, state))
            group = self._services.metrics.operator_group(self._base.task, info)
            self._chain.metric_groups.append(group)
            accumulators = AccumulatorRegistry(info.name)
            self._chain.accumulators.append(accumulators)
            self._contexts.append(
                replace(
                    self._base,
                    info=info,
                    processing_time=alarm,
                    state=state,
                    metric_group=group,
                    accumulators=accumulators,
                )
            )
        for output in self._deployment.outputs:
            self._create_edge(output)
        for index, node in enumerate(self._operators):
            self._specs.append(self._guarded(index, "load", lambda node=node: load_payload(node.spec)))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        head = self._chain.head
        spec = self._specs[0]
        if isinstance(spec, EnumeratorSpec):
            self._create_enumerator(spec)
            self._chain.source_targets = head
            self._connect(head, 0)
        elif isinstance(spec, (SourceSpec, LegacySourceSpec)):
            self._chain.source_targets = self._create_source(head, spec)
            self._connect(self._chain.source_targets, 0)
            self._mark_latency()
        else:
            self._grow(head, 0)

    def _create_state(self, info: OperatorInfo, alarm: Alarm) -> OperatorStates:
        services, task = self._services, self._base.task
        max_parallelism = max(task.max_parallelism, task.parallelism)
        settings = KeyedBackendSettings(
            now_ms=alarm.now_ms,
            key_groups=KeyGroupRange.of_subtask(max_parallelism, task.parallelism, task.subtask_index),
            max_parallelism=max_parallelism,
            operator_id=info.operator_id,
            operator_name=info.name,
            subtask_index=task.subtask_index,
            configuration=services.configuration,
            directory=services.state_directory,
            own_process=services.own_process,
        )
        deployment = self._deployment
        if not deployment.HasField("restore"):
            return OperatorStates(settings, lineage_id=task.job_id)
        restore = deployment.restore
        return OperatorStates(settings, restore.checkpoint_id, restore.lineage_id or task.job_id)

    def _create_source(self, head: Targets, spec: SourceSpec | LegacySourceSpec) -> Targets:
        """Make the source, and behind it what gives timestamps and watermarks; returns where its output goes on."""
        services = self._services
        context = self._contexts[0]
        characteristic = services.configuration.get(PipelineOptions.TIME_CHARACTERISTIC)
        alarm = Alarm(services.clock, self._on_alarm)  # the source has its own
        behind = replace(context, processing_time=alarm)
        operator = self._guarded(0, "load", lambda: create_time_operator(spec, behind, characteristic))
        if isinstance(spec, SourceSpec):
            alignment = SourceAlignment.of(operator, context)
            self._chain.source = ReaderSource(
                spec.source,
                context,
                services.configuration.to_map(),
                alignment,
                restored=self._is_restored(context),
                requests=SplitRequests(context.task, self._request_split) if self._deployment.inputs else None,
                timestamps=operator if isinstance(operator, TimestampsOperator) else None,
            )
        else:
            self._chain.source = self._guarded(0, "load", lambda: LegacySource(spec.function, context, characteristic))
        if isinstance(context.processing_time, Alarm):
            self._chain.source_alarm = context.processing_time
        if spec.output_type is not None:
            head = self._add_to_source(head, ConversionOperator(spec.output_type, context)).targets
        if operator is None:
            return head
        node = self._add_to_source(head, operator)
        self._chain.alarms[alarm] = node
        return node.targets

    def _mark_latency(self) -> None:
        chain, services = self._chain, self._services
        interval = services.configuration.get(MetricOptions.LATENCY_INTERVAL)
        if not interval:
            return
        alarm = Alarm(services.clock, self._on_alarm)
        marks = LatencyMarks(chain.infos[0], self._base.task.subtask_index, chain.source_targets, alarm, interval)
        chain.latency_marks = chain.alarms[alarm] = marks

    def _create_enumerator(self, spec: EnumeratorSpec) -> None:
        context = self._contexts[0]
        (output,) = self._deployment.outputs
        self._chain.source = EnumeratorSource(
            spec.source,
            context,
            self._services.configuration.to_map(),
            output.consumer_parallelism,
            restored=self._is_restored(context),
        )
        if isinstance(context.processing_time, Alarm):
            self._chain.source_alarm = context.processing_time

    def _is_restored(self, context: OperatorContext) -> bool:
        return context.info.operator_id in self._deployment.restore.operators

    def _add_to_source(self, head: Targets, operator: Operator) -> ChainNode:
        node = ChainNode(operator, self._services.section)
        head.nodes.append(node)
        self._chain.nodes.append(node)
        return node

    def _create_edge(self, output: ResultPartitionDeployment) -> None:
        deployment = self._deployment
        index = output.edge.source_operator
        writer = self._services.exchange.create_result_writer(output, deployment.attempt_id, deployment.subtask_index)
        edge = EdgeOutput(
            writer,
            self._chain.infos[index],
            output.edge.buffer_timeout_ms,
            self._times,
            self._services.section,
            self._on_failure,
        )
        self._edges.setdefault(index, {}).setdefault(output.edge.output_tag, []).append(edge)
        self._chain.edges.append(edge)
        self._chain.outlets.append(edge)

    def _connect(self, targets: Targets, index: int) -> None:
        """Let the output of operator ``index`` go where it belongs."""
        edges = self._edges.get(index, {})
        children = self._children.get(index, {})
        for tag in dict.fromkeys(("", *edges, *children)):
            of_tag = targets if not tag else targets.side.setdefault(tag, Targets())
            of_tag.edges.extend(edges.get(tag, ()))
            for child in children.get(tag, ()):
                self._grow(of_tag, child)

    def _grow(self, targets: Targets, index: int) -> None:
        """Build operator ``index``, fused with those after it where that is possible, and all after them."""
        run = [index]
        if fusable(self._specs[index]):
            while (following := self._next_to_fuse(run[-1])) is not None:
                run.append(following)
        operator: Operator
        if len(run) > 1:
            parts = [(self._specs[each], self._contexts[each]) for each in run]
            operator = self._guarded(index, "load", lambda: create_fused_operator(parts))
        else:
            operator = self._guarded(index, "load", lambda: create_operator(self._specs[index], self._contexts[index]))
        node = ChainNode(operator, self._services.section, self._chain.latencies)
        alarm = self._contexts[index].processing_time
        if isinstance(alarm, Alarm):
            self._chain.alarms[alarm] = node
        targets.nodes.append(node)
        self._chain.nodes.append(node)
        if isinstance(operator, CollectSinkOperator):
            self._chain.outlets.append(operator)
        self._connect(node.targets, run[-1])

    def _next_to_fuse(self, index: int) -> int | None:
        by_tag = self._children.get(index, {})
        children = by_tag.get("", [])
        if len(children) != 1 or len(by_tag) > 1 or self._edges.get(index) or is_lazy(self._specs[index]):
            return None
        spec = self._specs[children[0]]
        return children[0] if fusable(spec) and not is_lazy(spec) else None

    def _guarded(self, index: int, phase: str, call: Callable[[], Any]) -> Any:
        info = self._chain.infos[index]
        return call_user_code(self._services.section, call, lambda _error: FailureSite(info, phase))
