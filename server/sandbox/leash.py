"""Run one command and end it when whoever started it is gone.

Started as a plain script with nothing but the standard library, so that it is up in milliseconds. Its standard input is a pipe the
sandbox keeps open: end of file means the sandbox is gone, however it ended, SIGKILL included.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_S = 3.0


def main(command: list[str]) -> int:
    """Run a command in this process group and return its exit status, 128 + n when signal n ended it."""
    asked = threading.Event()
    child: subprocess.Popen[bytes] | None = None

    def pass_on(signum: int, frame: object) -> None:
        asked.set()
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    if asked.is_set():
        child.terminate()
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    code = child.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # what the command left behind in our process group; we ignore it
    return code if code >= 0 else 128 - code


def _watch(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
