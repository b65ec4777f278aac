"""The worker process: reads batches from its standard input, writes results to its standard output, ends when input ends.

It starts with as few imports as it can: what the work needs comes with the work.
"""

import gc
import os
import signal

from novaforge.tools.datasets.engine.failures import failure_of
from novaforge.tools.datasets.engine.frames import receive, send

GARBAGE = 200_000
"""Objects more than were freed, after which Python looks for cycles; a batch makes fewer."""


def main() -> None:
    """Work until the parent closes the pipe or is gone."""
    # Ctrl-C in a terminal reaches every process of the group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, target = os.dup(0), os.dup(1)
    # Nothing a library prints may get among the messages.
    os.dup2(2, 1)
    try:
        runner = receive(source).start()
        # Rows make many objects and no cycles; looking for some among them takes a tenth of the time.
        gc.freeze()
        gc.set_threshold(GARBAGE)
        send(target, ("ready", 0, None))
        while True:
            number, batch = receive(source)
            try:
                answer = ("result", number, runner.run(batch))
            except Exception as error:  # noqa: BLE001 - carried to the parent and raised there
                answer = ("failure", number, failure_of(error))
            send(target, answer)
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    main()
