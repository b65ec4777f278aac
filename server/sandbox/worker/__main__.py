"""Entry point: `python -m novaforge.server.sandbox.worker train|evaluate|serve JOB_DIR`."""

import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from novaforge.guards.errors import NovaForgeError
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import say

STOPPED = 128 + signal.SIGTERM


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # os._exit: nothing of a stopped job is kept, and waiting for threads or torch would only delay the answer.
    os.write(1, b"The job was stopped.\n")
    os._exit(STOPPED)


def _quiet_libraries(job: Job) -> None:
    """Set what torch, tokenizers and the hub client read while they are imported."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads were 2 to 6 times slower than one on shared cores
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    if not job.settings.model or Path(job.settings.model).exists():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def run(mode: str, job: Job) -> None:
    """Do one job in this process; raises NovaForgeError when the job's input is wrong."""
    _quiet_libraries(job)
    if mode == "train":
        from novaforge.server.sandbox.worker.train import train

        train(job)
    elif mode == "evaluate":
        from novaforge.server.sandbox.worker.evaluate import evaluate

        evaluate(job)
    else:
        from novaforge.server.sandbox.worker.serve import serve

        serve(job)


def main(argv: list[str]) -> int:
    """Run the job of a folder; returns the exit status, 1 with failure.txt written when it failed."""
    if len(argv) != 2 or argv[0] not in ("train", "evaluate", "serve"):
        print("usage: python -m novaforge.server.sandbox.worker train|evaluate|serve JOB_DIR", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    folder = Path(argv[1])
    try:
        run(argv[0], Job.open(folder))
    except NovaForgeError as error:
        return _fail(folder, error.as_text())
    except Exception as error:  # noqa: BLE001 - whatever broke, the job must end with a reason people can read
        for line in traceback.format_exc().splitlines():
            say(line)
        return _fail(folder, f"{type(error).__name__}: {error}")
    return 0


def _fail(folder: Path, reason: str) -> int:
    line = " ".join(reason.split())[:1024]  # FailureReason holds at most 1,024 characters
    (folder / "failure.txt").write_text(line + "\n", encoding="utf-8")
    say(f"[ERROR] {line}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
