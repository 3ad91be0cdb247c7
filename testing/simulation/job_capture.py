"""The graph of the job that a program would submit."""

from __future__ import annotations

from collections.abc import Callable

from millstream.common.config import Configuration
from millstream.common.execution import JobClient, set_context_executor
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.datastream import StreamExecutionEnvironment

__all__ = ["GraphReady", "capturing", "graph_of"]


class GraphReady(BaseException):  # not an error: it ends the program, past its own `except Exception`
    """Ends a program at its first ``execute()``.

    :ivar graph: what it would have submitted.
    """

    def __init__(self, graph: JobGraph) -> None:
        super().__init__()
        self.graph = graph


class _Capture:
    """A PipelineExecutor that submits nothing."""

    def __init__(self, parallelism: int, on_graph: Callable[[JobGraph], None]) -> None:
        self._parallelism = parallelism
        self._on_graph = on_graph

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        self._on_graph(job_graph)
        raise GraphReady(job_graph)

    def default_parallelism(self, configuration: Configuration) -> int:
        return self._parallelism

    def attached(self) -> bool:
        return True


def capturing(
    program: Callable[[], object],
    configuration: Configuration,
    parallelism: int,
    on_graph: Callable[[JobGraph], None] = lambda _: None,
) -> JobGraph | None:
    """Run a program up to its first ``execute()``; ``None``: it has none.

    :param configuration: what its environments start from.
    :param parallelism: of programs that set none.
    :param on_graph: is called with the graph while the program is at its ``execute()``.
    """
    set_context_executor(_Capture(parallelism, on_graph), configuration)
    try:
        program()
    except GraphReady as ready:
        return ready.graph
    finally:
        set_context_executor(None)
    return None


def graph_of(define: Callable[[StreamExecutionEnvironment], object], configuration: Configuration) -> JobGraph:
    """Return the graph of the job that a function defines in an environment."""

    def program() -> None:
        env = StreamExecutionEnvironment.get_execution_environment()
        define(env)
        env.execute("simulated job")

    graph = capturing(program, configuration, 1)
    assert graph is not None, "the program executes its job"
    return graph
