"""Carry training jobs through their states: wait for capacity, download, run the worker, upload."""

import json
import threading
import time
import traceback
from collections import deque
from contextlib import ExitStack
from pathlib import Path

from novaforge.server.sandbox import channels, outputs
from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.children import Child, last_lines, worker_environment
from novaforge.server.sandbox.jobs import Job, JobFailure
from novaforge.server.sandbox.logs import LogStream
from novaforge.server.sandbox.services import permissions
from novaforge.server.sandbox.settings import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, JobFault

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
WATCH_S = 0.1
INJECTED = "AlgorithmError: injected failure at step {step}, exit code: 1"


class Stopped(Exception):
    """The job was asked to stop."""


class Machine:
    """The one place where jobs train, given to waiting jobs in the order they came."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting: deque[Job] = deque()

    def enter(self, job: Job) -> None:
        """Wait for the machine; raises Stopped when the job is stopped meanwhile."""
        with self._turn:
            self._waiting.append(job)
            while self._waiting[0] is not job:
                self._turn.wait(WATCH_S)
                if job.stop.is_set():
                    self._waiting.remove(job)
                    raise Stopped

    def leave(self, job: Job) -> None:
        """Hand the machine to the next job."""
        with self._turn:
            self._waiting.remove(job)
            self._turn.notify_all()


class Supervisor:
    """Runs each job in a thread of its own."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._machine = Machine()
        self._threads: list[threading.Thread] = []

    def submit(self, job: Job) -> None:
        """Start a job; returns at once."""
        fault = self._account.faults.for_job(job.name)
        thread = threading.Thread(target=self._run, args=(job, fault), name=f"job {job.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, timeout: float) -> None:
        """Wait until every job's thread has ended, at most `timeout` seconds in all."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._threads = [thread for thread in self._threads if thread.is_alive()]

    def _run(self, job: Job, fault: JobFault) -> None:
        try:
            self._wait(job, fault)
            self._machine.enter(job)
            try:
                self._on_machine(job, fault)
            finally:
                self._machine.leave(job)
        except Stopped:
            job.end("Stopped", "Stopped")
        except JobFailure as failure:
            job.end("Failed", "Failed", str(failure))
        except Exception:  # noqa: BLE001 - a thread's last line: whatever it was, the job must not stay InProgress
            traceback.print_exc()  # goes to the sandbox's log file; AWS tells a caller no more than this either
            job.end("Failed", "Failed", "InternalServerError: We encountered an internal error. Please try again.")

    def _wait(self, job: Job, fault: JobFault) -> None:
        waiting = self._account.settings.waiting_s + fault.slow_start_s
        job.enter("Starting")
        _pause(job, waiting / 2)
        job.enter("Pending")
        _pause(job, waiting / 2)
        if fault.capacity_error:
            raise JobFailure(
                "CapacityError: Unable to provision requested ML compute capacity. "
                "Please retry using a different ML instance type."
            )

    def _on_machine(self, job: Job, fault: JobFault) -> None:
        folder = self._account.life_folder / "jobs" / job.name
        folder.mkdir(parents=True)
        job.enter("Downloading")
        self._prepare(job, folder)
        _pause(job, 0)
        job.enter("Training")
        outcome = _Run(self._account, job, fault, folder).carry_out()
        if outcome == "done":
            job.enter("Uploading")
        target = "arn:aws:s3:::" + job.output_prefix.removeprefix("s3://") + "/output.tar.gz"
        permissions.require(self._account, job.request["RoleArn"], "s3:PutObject", target)
        outputs.upload(self._account.moto, job, folder)
        if outcome != "done":
            final = "MaxRuntimeExceeded" if outcome == "max_runtime" else "Stopped"
            job.end(final, "Stopped")
            return
        outputs.keep_checkpoint(folder, self._account.escrow, job.name)
        job.end("Completed", "Completed")

    def _prepare(self, job: Job, folder: Path) -> None:
        account, role = self._account, job.request["RoleArn"]
        for uri in channels.sources(job.request).values():
            permissions.require(account, role, "s3:GetObject", permissions.object_arn(account.moto, uri))
        channels.materialise(account.moto, job, folder)
        base = channels.base_location(job, channels.recipe(folder))
        if base:
            channels.copy_checkpoint(account.escrow, base, folder / "base")
        reward = job.request.get("HyperParameters", {}).get("reward_lambda_arn")
        if reward:
            permissions.require(account, role, "lambda:InvokeFunction", reward)
        _write(folder / "request.json", job.request)
        _write(folder / "worker.json", worker_facts(account, job.name, channels.escrow_uri(job.name)))


def worker_facts(account: Account, job_name: str, escrow: str) -> dict[str, object]:
    """Return what worker.json tells a worker about its account, its job and the stand-in."""
    return {
        "endpoint_url": account.url,
        "region": REGION,
        "account": ACCOUNT,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "job_name": job_name,
        "escrow_uri": escrow,
        "settings": account.settings.stand_in,
    }


class _Run:
    """One run of the worker: relays its lines, and ends it when it must stop."""

    def __init__(self, account: Account, job: Job, fault: JobFault, folder: Path) -> None:
        self._account, self._job, self._fault, self._folder = account, job, fault, folder
        self._reason = ""

    def carry_out(self) -> str:
        """Return done, stopped or max_runtime; raises JobFailure when the worker failed."""
        verb = "evaluate" if "evaluation" in channels.recipe(self._folder) else "train"
        command = [*self._account.settings.worker_command, verb, str(self._folder)]
        errors = self._folder / "stderr.log"
        with ExitStack() as stack:
            log = self._open_logs(stack)
            child = stack.enter_context(
                self._account.children.start(command, self._folder, worker_environment(), errors)
            )
            watch = threading.Thread(target=self._watch, args=(child,), daemon=True)
            watch.start()
            for line in child.lines():
                log.write(line)
            code = child.wait()
            watch.join()
            if code and not self._reason:
                for line in last_lines(errors):
                    log.write(line)
        return self._outcome(code)

    def _outcome(self, code: int | None) -> str:
        if self._reason in {"stopped", "max_runtime"}:
            return self._reason
        if self._reason:
            raise JobFailure(self._reason)
        if code == 0:
            self._check_fault()
            return "done"
        told = self._folder / "failure.txt"
        text = told.read_text(encoding="utf-8", errors="replace").strip() if told.is_file() else ""
        last = (last_lines(self._folder / "stderr.log") or [""])[-1]
        raise JobFailure(text or f"AlgorithmError: the training container ended with exit code {code}. {last}".strip())

    def _watch(self, child: Child) -> None:
        assert self._job.started is not None
        deadline = self._job.started.timestamp() + self._job.max_runtime_s
        while not child.ended():
            self._job.stop.wait(WATCH_S)
            self._reason = "" if child.ended() else self._why_end(deadline)
            if self._reason:
                if self._reason == "max_runtime":
                    self._job.enter("Stopping", "Stopping")
                child.terminate()
                if child.wait(self._account.settings.stop_grace_s) is None:
                    child.kill()
                return

    def _why_end(self, deadline: float) -> str:
        if self._job.stop.is_set():
            return "stopped"
        if time.time() >= deadline:
            return "max_runtime"
        return INJECTED.format(step=self._fault.fail_at_step) if self._fault_is_due() else ""

    def _fault_is_due(self) -> bool:
        limit = self._fault.fail_at_step
        return limit is not None and _step(self._folder / "progress.json") >= limit

    def _check_fault(self) -> None:
        """A worker faster than the watch must fail all the same."""
        if self._fault_is_due():
            raise JobFailure(INJECTED.format(step=self._fault.fail_at_step))

    def _open_logs(self, stack: ExitStack) -> LogStream:
        count, at = self._job.request.get("ResourceConfig", {}).get("InstanceCount", 1), int(time.time() * 1000)
        name = self._job.name
        for node in range(2, count + 1):
            with LogStream(self._account.moto, LOG_GROUP, f"{name}/algo-{node}-{at}") as other:
                other.write(f"Node algo-{node} is up")
                other.write(f"Joined the process group as node rank {node - 1} of {count}")
        return stack.enter_context(LogStream(self._account.moto, LOG_GROUP, f"{name}/algo-1-{at}"))


def _step(progress: Path) -> int:
    try:
        return int(json.loads(progress.read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1  # not written yet, or just being written


def _pause(job: Job, seconds: float) -> None:
    if job.stop.wait(seconds):
        raise Stopped


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, default=str), encoding="utf-8")
