"""Jobs that may still be running: what they use must stay, and what they cost goes on."""

from dataclasses import dataclass, field

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.tools.context import ToolContext
from novaforge.tools.jobs.refresh import refresh
from novaforge.tools.records import ENDED_PHASES, JobPhase, JobRecord, resource_id

LIVE: tuple[JobPhase, ...] = ("waiting", "running", "stopping", "unknown")
MAX_JOBS = 100


@dataclass
class Live:
    """Jobs asked about just now, and those that could not be asked about."""

    jobs: dict[str, JobRecord] = field(default_factory=dict[str, JobRecord])
    unread: dict[str, str] = field(default_factory=dict[str, str])

    def newest(self, job: JobRecord) -> JobRecord:
        """Return a job as it was seen just now."""
        return self.jobs.get(job.job_id, job)

    def running(self) -> list[JobRecord]:
        """Return the jobs that have not ended, as far as is known."""
        return [job for job in self.jobs.values() if job.phase not in ENDED_PHASES]

    def uses(self) -> dict[str, str]:
        """Return resource ids of reward functions that jobs not ended call, with the job in words."""
        used: dict[str, str] = {}
        for job in self.running():
            reward = job.spec.get("reward")
            if isinstance(reward, str) and reward:
                used[resource_id("lambda:function", _function_name(reward))] = f"job {job.job_id} ({job.phase})"
        return used

    def findings(self) -> list[Finding]:
        """Say which jobs go on, and which could not be asked about."""
        going_on = [
            Finding(
                rule="CL2",
                severity="warn",
                message=f"job {job.job_id} is {job.phase}; a cleanup does not stop jobs",
                fix=f'stop_job(job_id="{job.job_id}")',
            )
            for job in self.running()
        ]
        return going_on + self.unread_findings()

    def unread_findings(self) -> list[Finding]:
        """Say which jobs could not be asked about."""
        return [
            Finding(rule="CL2", severity="not_checked", message=f"job {job_id}: {reason}")
            for job_id, reason in self.unread.items()
        ]


def live_jobs(ctx: ToolContext) -> Live:
    """Ask about every job that the ledger does not know as ended; a job that cannot be read counts as not ended."""
    found = Live()
    for job in ctx.ledger.jobs(phases=LIVE, limit=MAX_JOBS):
        try:
            found.jobs[job.job_id] = refresh(ctx, job)[0]
        except NovaForgeError as error:
            found.jobs[job.job_id] = job
            found.unread[job.job_id] = error.message
    return found


def _function_name(reward: str) -> str:
    """Return the bare name of a function given by name, resource id or ARN, with or without a version."""
    return reward.removeprefix("lambda:function/").rpartition(":function:")[2].partition(":")[0]
