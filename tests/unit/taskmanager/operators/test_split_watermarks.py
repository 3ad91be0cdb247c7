"""A watermark per split: the subtask's is the lowest of those that are not idle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MIN_TIMESTAMP, Watermark, WatermarkStatus
from millstream.common.watermark_strategy import WatermarkGenerator, WatermarkOutput
from millstream.taskmanager.operators.split_watermarks import SplitWatermarks
from millstream.taskmanager.operators.watermark_emission import WatermarkEmission


class _Highest(WatermarkGenerator):
    """Says the highest timestamp, or that it is idle, when it is asked."""

    def __init__(self) -> None:
        self.highest = MIN_TIMESTAMP
        self.idle = False

    def on_event(self, event: object, event_timestamp: int, output: WatermarkOutput) -> None:
        self.highest = max(self.highest, event_timestamp)
        self.idle = False

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        if self.idle:
            output.mark_idle()
        else:
            output.mark_active()
            output.emit_watermark(Watermark(self.highest))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(0, 3), st.integers(0, 100)),
        st.tuples(st.just("idle"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("emit"), st.just(0), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 3), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_the_watermark_is_the_lowest_of_the_active_splits(steps: list[tuple[str, int, int]]) -> None:
    emission = WatermarkEmission()
    made: list[_Highest] = []

    def create() -> _Highest:
        made.append(_Highest())
        return made[-1]

    splits = SplitWatermarks(create, emission)
    of: dict[int, _Highest] = {}
    for what, split, timestamp in steps:
        before = emission.watermark
        if what == "event":
            output = splits.of(split)
            of[split] = made[-1] if split not in of else of[split]
            output.generator.on_event(None, timestamp, output)
        elif what == "idle" and split in of:
            of[split].idle = True
        elif what == "end":
            splits.end(split)
            of.pop(split, None)
        elif what == "emit":
            splits.on_periodic_emit()
            active = [each.highest for each in of.values() if not each.idle]
            if active:
                assert not emission.idle
                assert emission.watermark == max(before, min(active))
            elif of:
                assert emission.idle
        assert emission.watermark >= before
        emission.take()


def test_a_split_that_ends_no_longer_holds_the_others_back() -> None:
    emission = WatermarkEmission()
    splits = SplitWatermarks(_Highest, emission)
    for split, timestamp in (("slow", 5), ("fast", 50)):
        output = splits.of(split)
        output.generator.on_event(None, timestamp, output)
    splits.on_periodic_emit()
    assert emission.take() == (Watermark(5),)
    splits.end("slow")
    assert emission.take() == (Watermark(50),)
    splits.end("never began")
    splits.end("fast")
    assert emission.take() == ()


def test_all_splits_idle_make_the_subtask_idle_until_a_split_is_added() -> None:
    emission = WatermarkEmission()
    splits = SplitWatermarks(_Highest, emission)
    only = splits.of("only").generator
    assert isinstance(only, _Highest)
    only.idle = True
    splits.on_periodic_emit()
    assert emission.take() == (WatermarkStatus(idle=True),)
    splits.of("another")
    assert emission.take() == (WatermarkStatus(idle=False),)
