"""Where finished batches go: straight to the parts, or to a temporary file until all rows are known."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Protocol

from novaforge.guards.findings import Finding
from novaforge.guards.values import JsonObject
from novaforge.tools.datasets.checks.stats import Labels
from novaforge.tools.datasets.engine.rows_work import RowsResult
from novaforge.tools.datasets.output.outputs import OutputFile, Outputs
from novaforge.tools.datasets.splitting.split import Split, refuse_empty

HASH = "blake2b-64 of the row's group (its query, unless group_by says otherwise), keyed by the seed"
STABLE = f"{HASH}, against fixed thresholds: a row's part does not depend on the other rows"
RANKED = f"rows of a stratum in order of {HASH}, cut at exact ranks: rows may change sides when others are added"

Tick = Callable[[str], None]
"""Called now and then in long phases with what is being done."""


class Parts(Protocol):
    """Takes batches in order and ends with complete files."""

    unused: int
    removed: int

    def take(self, result: RowsResult, file: int) -> None:
        """Take the rows of one batch of a file of the source."""
        ...

    def finish(self, tick: Tick) -> list[OutputFile]:
        """Write what is left and return the files; raises InputError when a part would be empty."""
        ...

    def describe(self) -> JsonObject:
        """Return what was done, for the manifest."""
        ...

    def findings(self) -> list[Finding]:
        """Return what a person should know about how rows were divided."""
        ...

    def labels(self) -> dict[str, dict[str, int]]:
        """Return rows by label for each file, empty where the answers are no labels."""
        ...


def thresholds(ratios: Sequence[Fraction]) -> tuple[bytes, ...]:
    """Return the hashes at which parts but the first begin, as eight bytes each."""
    ends = list(accumulate(ratios))[:-1]
    return tuple(min(int(end * (1 << 64)), (1 << 64) - 1).to_bytes(8, "big") for end in ends)


class DirectParts:
    """Rows whose part is known at once: all in one file, or by thresholds on their hash."""

    def __init__(self, outputs: Outputs, names: dict[str, str], split: Split | None, seed: int) -> None:
        self._files = [outputs.create(role, name) for role, name in names.items()]
        self._labels = [Labels() for _ in self._files]
        self._split = split
        self._seed = seed
        self.unused = 0
        self.removed = 0

    def take(self, result: RowsResult, file: int) -> None:
        """Append each part's rows to its file."""
        parts = zip(self._files, self._labels, result.parts, result.counts, result.labels, strict=True)
        for written, labels, data, rows, more in parts:
            if rows:
                written.write(data, rows)
                labels.merge(more)

    def finish(self, tick: Tick) -> list[OutputFile]:
        """Return the files."""
        if self._split is not None:
            refuse_empty([file.role for file in self._files], [file.rows for file in self._files])
        return self._files

    def describe(self) -> JsonObject:
        """Return thresholds and seed for the manifest."""
        return describe_thresholds(self._split, self._seed) if self._split is not None else {}

    def findings(self) -> list[Finding]:
        """Return how large the parts of a split are."""
        return [sizes_finding(self._split, self._files)] if self._split is not None else []

    def labels(self) -> dict[str, dict[str, int]]:
        """Return rows by label for each file."""
        return {file.role: labels.counts for file, labels in zip(self._files, self._labels, strict=True)}


def describe_thresholds(split: Split, seed: int) -> JsonObject:
    """Return a split by thresholds for the manifest."""
    cuts = [int.from_bytes(cut, "big") for cut in thresholds(split.ratios)]
    return {
        "asked": dict(split.as_asked()),
        "seed": seed,
        "method": STABLE,
        "stable": True,
        # As text: JSON numbers of that size lose digits in many readers.
        "thresholds": [str(cut) for cut in cuts],
    }


def sizes_finding(split: Split, files: Sequence[OutputFile]) -> Finding:
    """Return the sizes of parts whose shares are approximate, beside what was asked."""
    total = sum(file.rows for file in files)
    shares = ", ".join(
        f"{file.role} {file.rows} ({file.rows / total:.1%} for {float(ratio):.1%})"
        for file, ratio in zip(files, split.ratios, strict=True)
    )
    message = f"the parts are approximately as large as asked, and no row changes sides when others are added: {shares}"
    return Finding(
        rule="split-sizes", severity="info", message=message, fix="give counts or stratify_by for exact sizes"
    )
