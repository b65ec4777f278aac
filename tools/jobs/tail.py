"""New lines of a job's log, waited for when there are none yet, with what they say about the training."""

from collections.abc import Callable
from datetime import timedelta

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.metrics import Metrics, read_metrics, summary
from novaforge.tools.jobs.monitor import watch
from novaforge.tools.jobs.plot import plot_metrics
from novaforge.tools.jobs.refresh import find_job, refresh
from novaforge.tools.jobs.results import LogTail, ShownLine
from novaforge.tools.platforms.base import LogLine, LogPage
from novaforge.tools.platforms.cloudwatch import SCAN_LINES
from novaforge.tools.platforms.registry import platform_of
from novaforge.tools.records import ENDED_PHASES, JobPhase, JobRecord
from novaforge.tools.results import finding_views

MAX_LINES = 500
MAX_WAIT_S = 30
POLL_S = 3
PAGE_CHARS = 40_000
"""About 10,000 tokens: hosts warn at that size and cut answers at 25,000 (mcp-facts section 4.6)."""

SHOWN_CHARS = 1500


def follow(
    ctx: ToolContext,
    *,
    job_id: str,
    cursor: str | None,
    limit: int,
    pattern: str | None,
    wait_s: int,
    plot: bool,
    sleep: Callable[[float], None],
) -> LogTail:
    """Return a page of lines after the cursor; `sleep` takes seconds."""
    within("limit", limit, 1, MAX_LINES)
    within("wait_s", wait_s, 0, MAX_WAIT_S)
    job, state = refresh(ctx, find_job(ctx, job_id))
    ended = state.phase in ENDED_PHASES
    page = _wait_for_lines(ctx, job, cursor, limit, pattern, 0 if ended else wait_s, sleep)
    metrics, whole = _metrics(ctx, job, page, from_start=not cursor and not pattern, plot=plot)
    result = LogTail(
        job_id=job_id,
        phase=state.phase,
        untrusted_lines=[_shown(line) for line in page.lines],
        cursor=page.cursor,
        more=page.more,
        metrics=summary(metrics),
        metrics_of="whole log" if whole else "these lines",
        findings=finding_views(watch(metrics)),
        next_step=_next_step(job_id, state.phase, page),
        sandbox=ctx.mode.sandbox,
    )
    if plot and (png := plot_metrics(metrics, job_id)):
        result.attach(png)
    elif plot:
        result.next_step = f"Nothing to plot: the log holds no metric so far. {result.next_step}"
    return result


def within(field: str, value: int, low: int, high: int) -> None:
    """Raise InputError unless a number lies within bounds, both included."""
    if not low <= value <= high:
        raise InputError(
            f"{field} is {value}.", field=field, value=value, fix=f"use a whole number from {low} to {high}"
        )


def _wait_for_lines(
    ctx: ToolContext,
    job: JobRecord,
    cursor: str | None,
    limit: int,
    pattern: str | None,
    wait_s: int,
    sleep: Callable[[float], None],
) -> LogPage:
    """Read until there is a line or the time is over; the number of polls is bounded whatever the clock does."""
    read = platform_of(job.platform).read_logs
    until = ctx.clock() + timedelta(seconds=wait_s)
    page = read(ctx, job, cursor or None, limit, pattern, PAGE_CHARS)
    for poll in range(1, wait_s // POLL_S + 1):
        if page.lines or page.more or ctx.clock() >= until:
            break
        ctx.progress(poll * POLL_S, wait_s, "waiting for new log lines")
        sleep(POLL_S)
        page = read(ctx, job, page.cursor, limit, pattern, PAGE_CHARS)
    return page


def _metrics(ctx: ToolContext, job: JobRecord, page: LogPage, *, from_start: bool, plot: bool) -> tuple[Metrics, bool]:
    """Return the metrics and whether they are those of the whole log; a plot always shows the whole run."""
    if plot and (page.more or not from_start):
        whole = platform_of(job.platform).read_logs(ctx, job, None, SCAN_LINES, None)
        return read_metrics(whole.lines), not whole.more
    return read_metrics(page.lines), from_start and not page.more


def _shown(line: LogLine) -> ShownLine:
    # SageMaker names a stream algo-<node>-<seconds since 1970>; the node is what tells lines apart.
    node = "-".join(line.stream.split("-")[:2])
    text = line.text if len(line.text) <= SHOWN_CHARS else f"{line.text[:SHOWN_CHARS]}... [cut]"
    return ShownLine(at=f"{line.at:%Y-%m-%dT%H:%M:%SZ}", stream=node, text=text)


def _next_step(job_id: str, phase: JobPhase, page: LogPage) -> str:
    call = f'tail_logs(job_id="{job_id}", cursor=<this cursor>'
    if page.more:
        return f"Call {call}) for the lines after these."
    if phase in ENDED_PHASES:
        return f'That was the end of the log. Call get_job(job_id="{job_id}") for the verdict.'
    return f"Call {call}, wait_s=20) for what comes next."
