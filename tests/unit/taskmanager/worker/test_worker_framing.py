"""Messages come out of a byte stream as they went in, however it is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.worker.exit_status import describe_exit, is_out_of_memory_suspect
from millstream.taskmanager.worker.framing import FrameDecoder, FrameTooLargeError, TruncatedFrameError, encode_frame
from millstream.taskmanager.worker.launcher_protocol import Report, ReportDecoder, ReportKind, Request, RequestKind


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    borders = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(borders)]


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(min_value=0)))
def test_messages_survive_any_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(message) for message in messages)
    decoder = FrameDecoder()
    received = [message for piece in _pieces(stream, cuts) for message in decoder.feed(piece)]
    decoder.finish()
    assert received == messages


@given(st.binary(min_size=1, max_size=40), st.integers(min_value=1))
def test_a_truncated_stream_is_noticed(message: bytes, cut: int) -> None:
    stream = encode_frame(message)
    decoder = FrameDecoder()
    assert decoder.feed(stream[: 1 + cut % (len(stream) - 1)]) == []
    with pytest.raises(TruncatedFrameError):
        decoder.finish()


def test_messages_over_the_limit_are_refused_on_both_sides() -> None:
    with pytest.raises(FrameTooLargeError, match=r"11 bytes.*limit of 10"):
        encode_frame(b"x" * 11, 10)
    with pytest.raises(FrameTooLargeError, match="4294967295 bytes"):
        FrameDecoder(10).feed(b"\xff\xff\xff\xff")


@given(
    st.lists(
        st.builds(
            Report,
            st.sampled_from(ReportKind),
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**31 - 1),
            st.integers(-64, 255),
        )
    ),
    st.lists(st.integers(min_value=0)),
)
def test_reports_survive_any_cut(reports: list[Report], cuts: list[int]) -> None:
    stream = b"".join(report.encode() for report in reports)
    decoder = ReportDecoder()
    assert [report for piece in _pieces(stream, cuts) for report in decoder.feed(piece)] == reports


@given(st.builds(Request, st.sampled_from(RequestKind), st.integers(0, 2**64 - 1), st.integers(0, 64)))
def test_requests_survive_the_way(request: Request) -> None:
    assert Request.decode(request.encode()) == request
    assert len(request.encode()) == Request.SIZE


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "exit status 0"), (3, "exit status 3"), (-9, "killed by signal 9 (SIGKILL)"), (-63, "killed by signal 63")],
)
def test_how_a_process_ended_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words
    assert is_out_of_memory_suspect(words) == (status == -9)
