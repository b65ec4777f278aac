"""Ask the person at this terminal, in a way that Ctrl-C can interrupt."""

import os
import select
from typing import Any

import anyio.from_thread

from novaforge.server.demo.driver import indent, say

LOOK_S = 0.2
"""How often a wait for the person looks whether the demo was interrupted."""


class Terminal:
    """Puts questions to whoever types into a file descriptor; called in a worker thread of anyio.

    input() cannot be interrupted there: the demo would only end when somebody presses Enter.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._typed = b""

    def __call__(self, question: str, amount: str) -> dict[str, Any] | None:
        """Ask for decision and ceiling; None, which cancels, when nobody types or the decision is neither."""
        say("\n" + indent(question, "? "))
        decision = self._line("? approve or reject: ")
        if decision not in {"approve", "reject"}:
            return None
        typed = self._line("? type the ceiling in dollars: ") if decision == "approve" else "-"
        return {"decision": decision, "typed_amount": typed}

    def _line(self, prompt: str) -> str:
        """Return the next line without spaces around it; "" at the end of the input."""
        say(prompt, end="")
        while b"\n" not in self._typed:
            while not select.select([self._descriptor], [], [], LOOK_S)[0]:
                anyio.from_thread.check_cancelled()
            more = os.read(self._descriptor, 4096)
            if not more:
                break
            self._typed += more
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").strip()
