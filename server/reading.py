"""What the resources read: plans, jobs, reports, the catalog and the audit tail, as JSON-ready data."""

from typing import Any

from novaforge.guards.errors import InputError
from novaforge.guards.text import NOTICE
from novaforge.server.audit import tail
from novaforge.server.state import AppState
from novaforge.tools.catalog.tool import list_options
from novaforge.tools.evaluation.tool import get_evaluation
from novaforge.tools.plans.tool import SHOWN
from novaforge.tools.plans.view import view_plan
from novaforge.tools.records import JobRecord
from novaforge.tools.results import ToolResult

AUDIT_LINES = 50


def plans(state: AppState) -> Any:
    """Return the plans that can be applied or are under way."""
    return [view_plan(record).model_dump(mode="json") for record in state.ledger.plans(states=SHOWN)]


def jobs(state: AppState) -> Any:
    """Return the jobs as last seen, newest first."""
    return [_as_seen(job) for job in state.ledger.jobs()]


def catalog(state: AppState) -> Any:
    """Return what works now, with prices."""
    return _shown(state, list_options(state.context()))


def audit(state: AppState) -> Any:
    """Return the last lines of the audit log."""
    return tail(state.settings.audit_path, AUDIT_LINES)


def plan(state: AppState, key: str) -> Any:
    """Return one plan; raises InputError when the ledger has none of that id."""
    record = state.ledger.plan(key)
    return view_plan(record).model_dump(mode="json") if record else _missing("plan", key)


def job(state: AppState, key: str) -> Any:
    """Return one job as last seen; raises InputError when the ledger has none of that id."""
    found = state.ledger.job(key)
    return _as_seen(found) if found else _missing("job", key)


def report(state: AppState, key: str) -> Any:
    """Return the evaluation report of a job; raises InputError when there is none yet."""
    if state.ledger.evaluation(key) is None:
        return _missing("report", key)
    return _shown(state, get_evaluation(state.context(), job_id=key))


def _as_seen(job: JobRecord) -> Any:
    """Return a job with what the platform said of it, such as a failure's reason, marked as text from outside."""
    data = job.model_dump(mode="json")
    observed = data.pop("observed")
    return {**data, "untrusted_observed": observed, "notice": NOTICE}


def _shown(state: AppState, result: ToolResult) -> Any:
    result.sandbox = state.settings.sandbox
    return result.model_dump(mode="json")


def _missing(what: str, key: str) -> Any:
    raise InputError(
        f"There is no {what} {key!r} in the ledger.",
        field="key",
        value=key,
        fix="list_jobs and get_plan name what there is",
    )
