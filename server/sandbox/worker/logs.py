"""Log lines in the formats AWS's training containers print, one CloudWatch event each."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

_CYAN = "\x1b[36m"
_RESET = "\x1b[0m"


def say(line: str) -> None:
    """Print one line and flush it at once, so that it reaches the log stream while the job runs."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a sentence the way the SFT container prints its own."""
    now = datetime.now(UTC)
    say(f"[run] [{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}] [INFO] {text}")


def sft_line(step: int, max_steps: int, epoch: int, batch: int, loss: float, lr: float, seconds: float) -> str:
    """Return a pipe-style SFT line; `step` counts from 1, the line's own counters from 0 as AWS's do."""
    return (
        f"Training epoch {epoch}, iteration {step - 1}/{max_steps - 1} | lr: {lr:.4g} | global_batch_size: {batch} | "
        f"global_step: {step - 1} | reduced_train_loss: {loss:.4g} | train_step_timing in s: {seconds:.4g} | "
        f"consumed_samples: {step * batch}"
    )


def rft_line(step: int, values: Mapping[str, float]) -> str:
    """Return an RFT line of the SMTJ (verl) container: colour codes, then name:value pairs."""
    pairs = " - ".join(f"{name}:{_number(value)}" for name, value in values.items())
    return f"{_CYAN}(TaskRunner pid=12647){_RESET} step:{step} - {pairs}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(f"{value:.6g}"))
