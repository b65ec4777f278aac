"""A folder with files and a context for the dataset tools; nothing else is behind it."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from novaforge.guards.errors import ConfigError
from novaforge.guards.plan import InputIdentity
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.results import TransformResult, ValidateResult
from novaforge.tools.datasets.rows import Line, Reject
from novaforge.tools.datasets.tool import transform_dataset, validate_dataset

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUERY = {"query": "Body", "response": "Y"}
Row = dict[str, Any]


class NoAws:
    """AWS of an account that is not set up."""

    def call(self, *args: object, **request: object) -> Any:
        raise ConfigError("No AWS region is configured.")

    def principal(self) -> Any:
        raise ConfigError("No AWS region is configured.")


@dataclass
class Reading:
    """A source read once: its rows, where they are from, and what could not be used."""

    source: Source
    lines: list[Line]
    rejects: list[Reject]
    identity: InputIdentity

    @property
    def rows(self) -> list[Any]:
        return [line.record for line in self.lines]

    @property
    def numbers(self) -> list[int]:
        return [line.number for line in self.lines]

    @property
    def notes(self) -> dict[str, str]:
        return {note.rule: note.message for note in self.source.notes}


class Desk:
    """One folder, its files and the tools working in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ctx = self.context()

    def context(
        self, *, mode: Mode | None = None, policy: Policy | None = None, storage: Storage | None = None
    ) -> ToolContext:
        nothing = cast(Any, None)
        return ToolContext(
            mode=mode or Mode(), policy=policy or Policy(), ledger=nothing, aws=cast(Any, NoAws()), audit=nothing,
            storage=storage or Storage(Aws(), (self.folder,)), clock=lambda: NOW,
        )  # fmt: skip

    def write(self, name: str, content: bytes | str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return str(path)

    def csv(self, rows: Iterable[Sequence[str]], header: Sequence[str] = ("Body", "Y"), name: str = "data.csv") -> str:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        writer.writerow(header)
        writer.writerows(rows)
        return self.write(name, buffer.getvalue())

    def jsonl(self, rows: Iterable[Any], name: str = "data.jsonl") -> str:
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def transform(
        self, source: str, target: str = "out", method: str = "SFT_LORA", **arguments: Any
    ) -> TransformResult:
        ctx = arguments.pop("ctx", self.ctx)
        where = target if target.startswith("s3://") else str(self.folder / target)
        return transform_dataset(
            ctx, source=source, target=where, method=cast(Any, method), model="nova_lite_2", **arguments
        )

    def validate(self, source: str, method: str = "SFT_LORA", **arguments: Any) -> ValidateResult:
        ctx = arguments.pop("ctx", self.ctx)
        return validate_dataset(ctx, source=source, method=cast(Any, method), model="nova_lite_2", **arguments)

    def check_rows(self, rows: Iterable[Any], method: str = "SFT_LORA") -> ValidateResult:
        return self.validate(self.jsonl(rows, "gen_qa.jsonl"), method)

    def read(self, uri: str, ctx: ToolContext | None = None) -> Reading:
        """Read a source in this process."""
        rejects: list[Reject] = []
        with open_source(ctx or self.ctx, uri) as source:
            lines = list(source.rows(rejects.append))
            return Reading(source, lines, rejects, source.identity(len(lines)))

    def tree(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }


def read_rows(uri: str) -> list[Row]:
    """Return the objects of a written JSONL file."""
    return [json.loads(line) for line in Path(uri).read_bytes().split(b"\n") if line]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk in the test's own folder."""
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def new_desk() -> Callable[[], AbstractContextManager[Desk]]:
    """Return how to make desks that vanish, for tests with many examples."""

    @contextmanager
    def make() -> Iterator[Desk]:
        with tempfile.TemporaryDirectory() as name:
            yield Desk(Path(name))

    return make


@pytest.fixture(scope="session")
def read() -> Callable[[str], list[Row]]:
    """Return how to read a written JSONL file."""
    return read_rows


@pytest.fixture(scope="session")
def converse() -> Callable[..., Row]:
    """Return how to make a Converse row from texts that alternate between user and assistant."""

    def make(*turns: str, **more: Any) -> Row:
        roles = ("user", "assistant")
        messages = [{"role": roles[index % 2], "content": [{"text": text}]} for index, text in enumerate(turns)]
        return {"schemaVersion": "bedrock-conversation-2024", "messages": messages, **more}

    return make
