"""Demo data that is real and already on the machine: docstrings of Python's standard library, labelled by area."""

import ast
import csv
import hashlib
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

AREAS = {
    "networking": (
        "http", "urllib", "socket", "socketserver", "ssl", "ftplib", "smtplib", "poplib", "imaplib", "nntplib", "telnetlib",
        "xmlrpc", "ipaddress", "selectors", "wsgiref", "webbrowser", "email", "mailbox",
    ),
    "concurrency": (
        "asyncio", "threading", "multiprocessing", "concurrent", "queue", "sched", "subprocess", "signal", "contextvars", "_pyrepl",
    ),
    "language tools": (
        "ast", "dis", "inspect", "importlib", "tokenize", "typing", "types", "symtable", "pickletools", "pdb", "bdb", "trace",
        "traceback", "unittest", "doctest", "lib2to3", "idlelib", "pydoc", "code", "codeop", "compileall", "py_compile",
        "modulefinder", "pkgutil", "runpy", "ensurepip", "venv", "zipapp", "distutils",
    ),
    "data and numbers": (
        "collections", "decimal", "_pydecimal", "fractions", "statistics", "datetime", "_pydatetime", "calendar", "random", "heapq",
        "bisect", "json", "csv", "configparser", "plistlib", "pickle", "sqlite3", "shelve", "dbm", "numbers", "enum", "copy", "zoneinfo",
        "functools", "operator", "dataclasses", "xml", "html", "tomllib", "colorsys", "uuid", "_strptime", "weakref",
    ),
}  # fmt: skip
"""Area names and the top-level modules that belong to them (module index of the Python documentation, condensed)."""

MIN_CHARS, MAX_CHARS = 60, 1200


@dataclass(frozen=True)
class Example:
    """One docstring with the area of its module."""

    text: str
    area: str


def write_docstrings(path: Path, rows: int) -> int:
    """Write up to `rows` examples, balanced over the areas, as CSV with columns query and response; returns how many."""
    chosen = balanced(examples(), rows)
    write_rows(path, ((example.text, example.area) for example in chosen))
    return len(chosen)


def write_rows(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write (query, response) pairs as CSV, texts byte for byte."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["query", "response"])
        writer.writerows(rows)


def examples() -> Iterator[Example]:
    """Yield every usable docstring once; texts alike but for spacing or case count as one."""
    library = Path(sysconfig.get_paths()["stdlib"])
    seen: set[str] = set()
    for area, modules in AREAS.items():
        for source in sorted(_sources(library, modules)):
            for text in _docstrings(source):
                key = re.sub(r"\W+", " ", text.lower())[:200]
                if key not in seen:
                    seen.add(key)
                    yield Example(text, area)


def balanced(found: Iterable[Example], rows: int) -> list[Example]:
    """Take equally many of each area, in an order that depends on the texts alone."""
    groups: dict[str, list[Example]] = {}
    for example in found:
        groups.setdefault(example.area, []).append(example)
    share = min(rows // len(groups), *map(len, groups.values()))
    chosen = [example for group in groups.values() for example in sorted(group, key=_order)[:share]]
    return sorted(chosen, key=_order)


def _order(example: Example) -> str:
    return hashlib.sha256(example.text.encode("utf-8")).hexdigest()


def _sources(library: Path, modules: tuple[str, ...]) -> Iterator[Path]:
    for module in modules:
        single = library / f"{module}.py"
        if single.exists():
            yield single
        yield from (
            path for path in (library / module).rglob("*.py") if "test" not in path.parts and "tests" not in path.parts
        )


def _docstrings(source: Path) -> Iterator[str]:
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and MIN_CHARS <= len(text) <= MAX_CHARS:
                yield text
