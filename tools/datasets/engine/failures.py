"""Carry an exception from one process to another with its type."""

import importlib
from typing import Any, NamedTuple

from novaforge.guards.errors import NovaForgeError


class Failure(NamedTuple):
    """An exception as plain data: where its class is, its arguments and its attributes."""

    module: str
    name: str
    args: tuple[Any, ...]
    state: dict[str, Any]


def failure_of(error: BaseException) -> Failure:
    """Return an exception as data; of one that is not ours only the type is kept, since its words may quote a row."""
    kind = type(error)
    ours = isinstance(error, NovaForgeError) or kind.__module__.startswith("novaforge.")
    if ours:
        return Failure(kind.__module__, kind.__qualname__, error.args, dict(vars(error)))
    return Failure("builtins", "RuntimeError", (f"{kind.__name__} in a data worker{_place(error)}",), {})


def exception_of(failure: Failure) -> BaseException:
    """Return the exception again, without running its constructor."""
    kind = getattr(importlib.import_module(failure.module), failure.name)
    assert issubclass(kind, BaseException)
    error: BaseException = kind.__new__(kind, *failure.args)
    error.args = failure.args
    vars(error).update(failure.state)
    return error


def _place(error: BaseException) -> str:
    """Return file and line where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace is not None else ""
