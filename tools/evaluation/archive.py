"""Find the pieces of an evaluation's output archive, in the layout the evaluation container writes."""

import json
import re
import tarfile
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Protocol

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line

ROWS_FILE = "inference_output.jsonl"
_RESULTS = re.compile(r"results_.*\.json")
_METRIC = re.compile(r"[\w.|@\-]{1,64}")
_CUSTOM = re.compile(r"custom\|(\w{1,64})\|\d+")
_MAX_RESULTS_BYTES = 16 * 1024 * 1024


class ArchiveReader(Protocol):
    """The members of an output archive."""

    def names(self) -> Sequence[str]:
        """Return the paths of the files inside."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open one file for reading."""
        ...


@dataclass(frozen=True)
class Pieces:
    """Paths inside the archive; None where a piece is missing."""

    results: str | None
    rows: str | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class ServiceFigures:
    """The service's own aggregate figures; task is empty when the file does not tell."""

    task: str = ""
    figures: dict[str, float] | None = None
    findings: tuple[Finding, ...] = ()


def damaged(piece: str, why: str) -> InputError:
    """Return the error for a piece of the archive that is missing or cannot be read."""
    return InputError(
        f"The evaluation's output archive has no usable {one_line(piece)}: {one_line(why)}.",
        field="job_id",
        fix="look at the end of the job's log with tail_logs; if the job was cut short, evaluate again",
        piece=one_line(piece),
    )


@contextmanager
def named_damage(piece: str) -> Generator[None]:
    """Turn the ways an archive can be broken into one error that names the piece."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, KeyError) as error:
        raise damaged(piece, f"{type(error).__name__}: {error}") from error


def find_pieces(names: Sequence[str]) -> Pieces:
    """Return the newest results file in an eval_results folder and the rows beside it; others are named, not read."""
    # The names themselves are kept, since an archive may write them with a leading "./" and is asked for them so.
    inside = [name for name in names if "eval_results" in PurePosixPath(name).parts]
    results = sorted((name for name in inside if _RESULTS.fullmatch(_base(name))), key=lambda name: (_base(name), name))
    rows = sorted(name for name in inside if _base(name) == ROWS_FILE)
    newest = results[-1] if results else None
    beside = [name for name in rows if newest and _folder(name) == _folder(newest)] or rows
    chosen = beside[0] if beside else None
    unread = [*results[:-1], *(name for name in rows if name != chosen)]
    return Pieces(newest, chosen, tuple(_unread(name) for name in unread))


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _folder(name: str) -> PurePosixPath:
    return PurePosixPath(name).parent


def _unread(name: str) -> Finding:
    message = f"the archive holds more than one set of results; {one_line(name)} was not read"
    return Finding(rule="EVAL-archive", severity="warn", message=message)


def read_service(reader: ArchiveReader, name: str | None) -> ServiceFigures:
    """Read results_*.json; a missing or damaged file becomes a "not checked" finding with the reason."""
    if name is None:
        return _unchecked("the archive has no results_*.json under eval_results")
    try:
        with named_damage(name), reader.open(name) as file:
            document = json.loads(file.read(_MAX_RESULTS_BYTES))
        return _figures(document["results"])
    except InputError as error:
        return _unchecked(error.message)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return _unchecked(f"{one_line(name)} cannot be read: {type(error).__name__}")


def _unchecked(why: str) -> ServiceFigures:
    finding = Finding(rule="EVAL-service", severity="not_checked", message=f"the service's own figures: {why}")
    return ServiceFigures(findings=(finding,))


def _figures(results: dict[str, dict[str, object]]) -> ServiceFigures:
    # lighteval writes "all" for standard benchmarks and "custom|<task>_<strategy>|0" for the rest.
    filled = {key: value for key, value in results.items() if value}
    key = "all" if "all" in filled else next(iter(filled), "")
    custom = _CUSTOM.fullmatch(key) or next((match for name in filled if (match := _CUSTOM.fullmatch(name))), None)
    figures: dict[str, float] = {}
    unread = 0
    for name, value in filled.get(key, {}).items():
        if _METRIC.fullmatch(name) and isinstance(value, int | float):
            figures[name] = float(value)
        else:
            unread += 1
    message = f"{unread} entries of the service's results are not numbers with a plain name and were not read"
    findings = (Finding(rule="EVAL-service", severity="info", message=message),) if unread else ()
    return ServiceFigures(custom.group(1) if custom else "", figures, findings)
