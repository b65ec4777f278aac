"""The cursor over a job's log streams: exactly once, in order, whatever happens meanwhile."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.platforms.cursor import Position, decode_cursor, encode_cursor
from novaforge.tools.platforms.loglines import physical_lines
from novaforge.tools.platforms.sagemaker import SageMakerJobs

JOBS = SageMakerJobs()
STREAMS = ("algo-1-100", "algo-2-100", "algo-3-101")

MESSAGES = st.lists(
    st.sampled_from(["a", "bb", "", "loss: 1", "x#015y", "\x1b[36mc\x1b[0m"]), min_size=1, max_size=4
).map("\n".join)
BURSTS = st.lists(
    st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(0, 2), MESSAGES), max_size=12), min_size=1, max_size=5
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bursts=BURSTS, sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5), quirky=st.booleans(), wide=st.booleans()
)
def test_paging_gives_every_line_exactly_once_in_the_order_of_its_stream(
    make_world: Callable[[], Any], bursts: Any, sizes: list[int], quirky: bool, wide: bool
) -> None:
    world = make_world()
    world.cloud.quirky = quirky
    job, ctx = world.add(), world.ctx()
    seen: dict[str, list[str]] = {}
    cursor, turn = None, 0
    times = dict.fromkeys(STREAMS, 1000)
    for burst in bursts:
        for stream, step, message in burst:
            times[stream] += step
            world.cloud.log(job.job_id, stream, (times[stream], f"{len(world.cloud.calls)} {message}"))
        while True:
            size = sizes[turn % len(sizes)]
            turn += 1
            page = JOBS.read_logs(ctx, job, cursor, size, None, None if wide else 5)
            cursor = page.cursor
            assert len(page.lines) <= size
            assert list(page.lines) == sorted(page.lines, key=lambda line: line.at)
            for line in page.lines:
                seen.setdefault(line.stream, []).append(line.text)
            if not page.more:
                break
    written = {
        name.split("/")[1]: [line for event in events for line in physical_lines(event[2])]
        for name, events in world.cloud.events.items()
    }
    assert seen == {name: lines for name, lines in written.items() if lines}


def test_a_late_event_of_another_stream_is_not_lost(world: Any) -> None:
    job, ctx = world.add(), world.ctx()
    world.cloud.log(job.job_id, "algo-1", (5000, "late"))
    first = JOBS.read_logs(ctx, job, None, 10, None)
    world.cloud.log(job.job_id, "algo-2", (1000, "earlier, but arrived after"))
    second = JOBS.read_logs(ctx, job, first.cursor, 10, None)
    assert [line.text for line in second.lines] == ["earlier, but arrived after"]
    assert second.lines[0].stream == "algo-2"


def test_an_event_that_expired_while_partly_read_costs_the_next_one_no_line(world: Any) -> None:
    job, ctx = world.add(), world.ctx()
    world.cloud.log(job.job_id, "algo-1", (1, "a\nb\nc"), (2, "d\ne"))
    first = JOBS.read_logs(ctx, job, None, 2, None)
    del world.cloud.events[f"{job.job_id}/algo-1"][0]
    assert [line.text for line in JOBS.read_logs(ctx, job, first.cursor, 5, None).lines] == ["d", "e"]


def test_streams_are_merged_by_time_and_more_says_whether_lines_are_left(world: Any) -> None:
    job, ctx = world.add(), world.ctx()
    world.cloud.log(job.job_id, "algo-1", (1, "a"), (3, "c"))
    world.cloud.log(job.job_id, "algo-2", (2, "b"), (4, "d"))
    world.cloud.log("job-ab", "algo-1", (1, "another job whose name starts alike"))
    page = JOBS.read_logs(ctx, job, None, 3, None)
    assert [line.text for line in page.lines] == ["a", "b", "c"]
    assert page.more
    assert not JOBS.read_logs(ctx, job, None, 4, None).more


def test_more_than_one_page_of_streams_is_read(world: Any) -> None:
    job = world.add()
    for number in range(70):
        world.cloud.log(job.job_id, f"algo-{number:02d}", (number + 1, f"node {number}"))
    page = JOBS.read_logs(world.ctx(), job, None, 100, None)
    assert [line.text for line in page.lines] == [f"node {number}" for number in range(70)]


def test_no_log_group_yet_is_an_empty_page_to_go_on_from(world: Any) -> None:
    job, ctx = world.add(), world.ctx()
    page = JOBS.read_logs(ctx, job, None, 10, None)
    assert (page.lines, page.more) == ((), False)
    world.cloud.log(job.job_id, "algo-1", (1, "first"))
    assert [line.text for line in JOBS.read_logs(ctx, job, page.cursor, 10, None).lines] == ["first"]


@pytest.mark.parametrize("same_time", [True, False])
def test_the_end_is_the_last_lines_and_a_cursor_behind_them(world: Any, same_time: bool) -> None:
    job, ctx = world.add(), world.ctx()
    world.cloud.log(job.job_id, "algo-1", *((7 if same_time else number, f"line {number}") for number in range(1, 30)))
    page = JOBS.read_logs(ctx, job, "end", 3, None)
    assert [line.text for line in page.lines] == ["line 27", "line 28", "line 29"]
    world.cloud.log(job.job_id, "algo-1", (40 if not same_time else 7, "new"))
    assert [line.text for line in JOBS.read_logs(ctx, job, page.cursor, 10, None).lines] == ["new"]


def test_the_pattern_searches_from_the_end_too(world: Any) -> None:
    job, ctx = world.add(), world.ctx()
    world.cloud.log(job.job_id, "algo-1", (1, "ERROR early"), *((2 + number, "noise") for number in range(50)))
    assert [line.text for line in JOBS.read_logs(ctx, job, "end", 5, "error").lines] == ["ERROR early"]


def test_a_pattern_skips_lines_and_the_cursor_passes_them(world: Any) -> None:
    job, ctx = world.add(), world.ctx()
    world.cloud.log(job.job_id, "algo-1", (1, "noise"), (2, "Loss: 1"), (3, "noise"), (4, "loss: 2"))
    page = JOBS.read_logs(ctx, job, None, 1, "LOSS")
    assert ([line.text for line in page.lines], page.more) == (["Loss: 1"], True)
    rest = JOBS.read_logs(ctx, job, page.cursor, 5, "LOSS")
    assert ([line.text for line in rest.lines], rest.more) == (["loss: 2"], False)


POSITIONS = st.dictionaries(
    st.text(min_size=1, max_size=20),
    st.builds(Position, st.integers(0, 2**45), st.integers(0, 10**6), st.integers(0, 99)),
    max_size=8,
)


@given(POSITIONS)
def test_a_cursor_reads_back_what_it_was_made_from(positions: dict[str, Position]) -> None:
    assert decode_cursor("job", encode_cursor("job", positions)) == positions


@given(st.text(max_size=60), st.binary(max_size=60))
def test_junk_is_refused_as_a_cursor(text: str, data: bytes) -> None:
    for junk in (text, base64.urlsafe_b64encode(data).decode()):
        with pytest.raises(InputError) as caught:
            decode_cursor("job", junk)
        assert caught.value.data["field"] == "cursor"


def test_a_cursor_of_another_job_or_with_one_changed_character_is_refused() -> None:
    cursor = encode_cursor("job-a", {"algo-1": Position(5, 1, 0)})
    changed = cursor[:-3] + ("A" if cursor[-3] != "A" else "B") + cursor[-2:]
    for job, text in (("job-b", cursor), ("job-a", changed)):
        with pytest.raises(InputError):
            decode_cursor(job, text)


def test_the_cursor_of_sixteen_nodes_stays_short() -> None:
    positions = {f"algo-{number}-1700000000": Position(1_763_640_000_000 + number, 1, 0) for number in range(16)}
    assert len(encode_cursor("job", positions)) < 400
