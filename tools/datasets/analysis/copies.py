"""Exact copies: duplicate rows, ids used twice, queries with several answers, queries that other files have too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView, encoded
from novaforge.tools.datasets.analysis.digest import NOTHING, digests, digests_of_bytes
from novaforge.tools.datasets.analysis.groups import SOURCE_SHIFT, conflicts, matches, of_source, repeats, shared
from novaforge.tools.datasets.analysis.report import Pairs, finding
from novaforge.tools.datasets.analysis.spool import Spool
from novaforge.tools.datasets.splitting.strata import MAX_LABEL_CHARS, MAX_LABELS, ROWS_PER_LABEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from novaforge.guards.findings import Finding

ROW, QUERY, ANSWER, PLACE = range(4)
ID, ID_PLACE = range(2)
_ODD = 0x9E3779B97F4A7C15
DUPLICATE_SHARE = 0.01
"""Above this share of duplicates the finding is a warning (rule DA11)."""


class Scanned(NamedTuple):
    """Digests of one batch, records of row, query, answer, line and of id, line; and its answers while they may be labels."""

    records: bytes
    ids: bytes
    answers: frozenset[int] | None


class Copies:
    """Finds rows that are equal in whole or in part, by 64-bit digests (one false match in a million files of six million rows)."""

    name = "copies"

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._spool = Spool(4, settings.folder)
        self._ids = Spool(2, settings.folder)
        self._answers: frozenset[int] | None = frozenset()

    def scan(self, rows: Sequence[RowView]) -> Scanned:
        """Return the digests of a batch."""
        import numpy as np

        records = np.zeros((len(rows), 4), np.uint64)
        records[:, QUERY] = digests_of_bytes([_query(row) if row.media or not row.asked else row.asked for row in rows])
        answers = [row.answer for row in rows]
        records[:, ANSWER] = found = _digests(answers)
        records[:, ROW] = digests_of_bytes([row.beyond or row.data or row.encoded for row in rows])
        # Texts alone do not tell who says them, nor which tools are called.
        records[:, ROW] ^= records[:, QUERY] * np.uint64(_ODD) ^ records[:, ANSWER]
        records[:, PLACE] = [row.line for row in rows]
        # Rows that ask nothing, such as those of pre-training, are compared as a whole.
        silent = records[:, QUERY] == NOTHING
        records[silent, QUERY] = records[silent, ROW]
        named = [row for row in rows if row.id]
        ids = np.array([digests(row.id for row in named), [row.line for row in named]], np.uint64).T
        short = max(map(len, answers), default=0) <= MAX_LABEL_CHARS
        return Scanned(records.tobytes(), ids.tobytes(), _few(frozenset(found)) if short else None)

    def merge(self, file: str, result: Scanned) -> None:
        """Keep the digests of a batch in a file."""
        import numpy as np

        records = np.frombuffer(result.records, np.uint64).reshape(-1, 4)
        if file:
            records = records.copy()
            records[:, PLACE] |= np.uint64((self._settings.references.index(file) + 1) << SOURCE_SHIFT)
        else:
            self._ids.add(result.ids)
            both = self._answers is not None and result.answers is not None
            self._answers = _few((self._answers or frozenset()) | (result.answers or frozenset())) if both else None
        self._spool.add(records.tobytes())

    def findings(self, rows: int) -> "list[Finding]":
        """Return duplicates, ids used twice, queries with several answers, and overlaps with other files."""
        return [*self._duplicate_findings(rows), *self._id_findings(), *self._query_findings(rows)]

    def _duplicate_findings(self, rows: int) -> "list[Finding]":
        pairs = Pairs()
        for records in self._spool.buckets(ROW):
            own = of_source(records, PLACE, 0)
            later, first, _ = repeats(own[:, ROW], own[:, PLACE])
            pairs.add(matches(later, first))
        rule = "DA11-duplicates" if pairs.count > rows * DUPLICATE_SHARE else "DA11-some-duplicates"
        return self._found(rule, pairs)

    def _id_findings(self) -> "list[Finding]":
        pairs = Pairs()
        for records in self._ids.buckets(ID):
            later, first, _ = repeats(records[:, ID], records[:, ID_PLACE])
            pairs.add(matches(later, first))
        return self._found("DA3-rft-ids", pairs)

    def _query_findings(self, rows: int) -> "list[Finding]":
        noise, queries = Pairs(), 0
        overlaps = [Pairs() for _ in self._settings.references]
        for records in self._spool.buckets(QUERY):
            own = of_source(records, PLACE, 0)
            queries += self._add_noise(own, noise)
            for number, pairs in enumerate(overlaps, start=1):
                other = of_source(records, PLACE, number)
                pairs.add(matches(*shared(own[:, QUERY], own[:, PLACE], other[:, QUERY], other[:, PLACE])))
        found = self._found(
            "DQ1-noise" if self._labels(rows) else "DQ1-answers", noise, detail=f"{_queries(queries)}, "
        )
        for uri, pairs in zip(self._settings.references, overlaps, strict=True):
            found += self._found("DA11-overlap", pairs, uri, f"with {uri}, ")
        return found

    def _add_noise(self, own: "NDArray[np.uint64]", noise: Pairs) -> int:
        answered = own[own[:, ANSWER] != NOTHING]
        differing, first, queries = conflicts(answered[:, QUERY], answered[:, ANSWER], answered[:, PLACE])
        noise.add(matches(differing, first))
        return queries

    def _labels(self, rows: int) -> bool:
        """Tell whether the answers look like labels."""
        return self._answers is not None and 2 <= len(self._answers) <= rows / ROWS_PER_LABEL

    def _found(self, rule: str, pairs: Pairs, other: str = "", detail: str = "") -> "list[Finding]":
        if not pairs.count:
            return []
        where = detail + pairs.where(self._settings, other)
        return [finding(rule, where, pairs.count, pairs.first[0][0])]


def _few(answers: frozenset[int]) -> frozenset[int] | None:
    return answers if len(answers) <= MAX_LABELS else None


def _digests(texts: Sequence[str]) -> list[int]:
    """Return the digest of each text, made once for equal ones: answers are often labels."""
    distinct = list(dict.fromkeys(texts))
    known = dict(zip(distinct, digests(distinct), strict=True))
    return [known[text] for text in texts]


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"


def _query(row: RowView) -> bytes:
    return encoded((row.prompt, *row.media)) if row.media else row.query
