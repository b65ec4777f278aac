"""Where finished rows go: one file, or the parts of a split."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol

from novaforge.guards.findings import Finding
from novaforge.guards.values import JsonObject
from novaforge.tools.datasets.output.outputs import OutputFile, Outputs
from novaforge.tools.datasets.rows import Finished
from novaforge.tools.datasets.splitting.assign import Hasher, Index, assign
from novaforge.tools.datasets.splitting.split import UNUSED, Split, refuse_empty
from novaforge.tools.datasets.splitting.strata import Strata


class Parts(Protocol):
    """Takes rows in order and ends with complete files."""

    unused: int

    def add(self, row: Finished, label: str) -> None:
        """Take one row."""
        ...

    def finish(self) -> list[OutputFile]:
        """Write what is left and return the files."""
        ...

    def describe(self) -> JsonObject:
        """Return what was done, for the manifest."""
        ...

    def findings(self) -> list[Finding]:
        """Return what a person should know about how rows were divided."""
        ...


class OneFile:
    """All rows in one file."""

    def __init__(self, outputs: Outputs, role: str, name: str) -> None:
        self._file = outputs.create(role, name)
        self.unused = 0

    def add(self, row: Finished, label: str) -> None:
        """Write one row."""
        self._file.write(row.data)

    def finish(self) -> list[OutputFile]:
        """Return the file."""
        return [self._file]

    def describe(self) -> JsonObject:
        """Return nothing: there is no split."""
        return {}

    def findings(self) -> list[Finding]:
        """Return nothing: there is no split."""
        return []


class SplitFiles:
    """Rows divided among files; kept in a temporary file until their number is known."""

    def __init__(
        self,
        outputs: Outputs,
        split: Split,
        names: dict[str, str],
        seed: int,
        strata: Strata,
        spool: IO[bytes],
        index: IO[bytes],
    ) -> None:
        self._outputs = outputs
        self._split = split
        self._names = names
        self._seed = seed
        self._strata = strata
        self._hash = Hasher(seed)
        self._spool = spool
        self._index = Index(index)
        self._off_target: dict[str, int] = {}
        self.unused = 0

    def add(self, row: Finished, label: str) -> None:
        """Keep one row."""
        self._spool.write(row.data)
        self._index.add(self._hash(row.prompt), self._strata.number(label))

    def finish(self) -> list[OutputFile]:
        """Divide the rows; raises InputError when a part would be empty."""
        roles, totals = self._split.sizes(self._index.rows)
        assignment = assign(self._index, totals, stratified=self._strata.useful)
        files = {role: self._outputs.create(role, self._names[role]) for role in roles if role != UNUSED}
        self._spool.seek(0)
        for line, (hashed, stratum) in zip(self._spool, self._index, strict=True):
            file = files.get(roles[assignment.part(hashed, stratum)])
            if file is None:
                self.unused += 1
            else:
                file.write(line)
        refuse_empty(list(files), [file.rows for file in files.values()])
        wanted = dict(zip(roles, totals, strict=True))
        self._off_target = {role: file.rows for role, file in files.items() if file.rows != wanted[role]}
        return list(files.values())

    def describe(self) -> JsonObject:
        """Return the split, its seed and its strata for the manifest."""
        return {
            "asked": dict(self._split.as_asked()),
            "seed": self._seed,
            "method": "rows of a stratum in order of blake2b-64 of their query, keyed by the seed, cut at exact ranks",
            "strata": dict(Counter(self._strata.counts).most_common()),
            "equal_queries_kept_together": dict(self._off_target),
        }

    def findings(self) -> list[Finding]:
        """Return rows in no part, and parts that differ from what was asked."""
        found: list[Finding] = []
        if self.unused:
            message = f"{self.unused} rows are in no part, as the counts ask"
            found.append(Finding(rule="split-unused", severity="info", message=message, count=self.unused))
        if self._off_target:
            sizes = ", ".join(f"{role} has {rows}" for role, rows in self._off_target.items())
            message = f"rows with equal queries were kept in one part, so {sizes} rows"
            found.append(Finding(rule="split-equal-queries", severity="info", message=message))
        return found


@contextmanager
def split_files(
    outputs: Outputs, split: Split, names: dict[str, str], seed: int, strata: Strata, local_target: Path | None
) -> Generator[SplitFiles]:
    """Divide rows with temporary files on the target's disk when it is local, else the system's; they leave no trace."""
    folder = (
        next((path for path in (local_target, *local_target.parents) if path.is_dir()), None) if local_target else None
    )
    with TemporaryFile(dir=folder) as spool, TemporaryFile(dir=folder) as index:
        yield SplitFiles(outputs, split, names, seed, strata, spool, index)
