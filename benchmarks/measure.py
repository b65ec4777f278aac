"""Wall time, processor time and memory of a command and everything it starts.

Memory is the largest sum, over samples every 100 ms, of the proportional set sizes (Pss in /proc/PID/smaps_rollup) of the process
and all its descendants: pages shared between them count once. For runs shorter than a few samples the kernel's own
high-water mark of the process is taken where it is larger. Processor time is the kernel's count for the process and all its
descendants, less what the command had used when it began its work.
"""

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

SAMPLE_S = 0.1


class Measured(NamedTuple):
    """What a command took: seconds, and peak memory in MB (10^6 bytes)."""

    wall: float
    cpu: float
    peak_mb: float
    told: dict[str, float]


def measure(command: Sequence[str], cwd: Path) -> Measured:
    """Run a command whose last line of output is {"wall": s, "cpu_before": s, ...}; raises RuntimeError when it fails."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd) as process:
        assert process.stdout is not None and process.stderr is not None
        sampler = _Sampler(process.pid)
        sampler.start()
        errors: list[bytes] = []
        reader = threading.Thread(target=lambda pipe=process.stderr: errors.append(pipe.read()))
        reader.start()
        shown = process.stdout.read()
        reader.join()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.stop()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{b''.join(errors).decode(errors='replace')[-2000:]}")
    told = orjson.loads(shown.strip().rsplit(b"\n", 1)[-1])
    cpu = usage.ru_utime + usage.ru_stime - told["cpu_before"]
    return Measured(told["wall"], cpu, max(sampler.peak, usage.ru_maxrss * 1024) / 1e6, told)


class _Sampler(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self.peak = max(self.peak, sum(map(_pss, _tree(self._pid))))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            yield from _tree(int(child))


def _pss(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:  # the process has ended meanwhile
        return ""
