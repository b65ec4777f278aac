"""Check rows of one format one after the other, and say at the end what was found."""

from collections import Counter

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.checks.stats import Digests, Labels, Lengths
from novaforge.tools.datasets.checks.tally import Rejects, Seen, Tally, rule_finding, shares
from novaforge.tools.datasets.formats.base import RowFormat, objects
from novaforge.tools.datasets.formats.converse_items import media_uri
from novaforge.tools.datasets.rows import BAD_JSON, NOT_AN_OBJECT, NOT_UTF8, TOO_LARGE, Hit, JsonRow, Line

_UNREADABLE = (BAD_JSON, NOT_AN_OBJECT, NOT_UTF8, TOO_LARGE)
_DUPLICATE_SHARE = 0.01
"""Above this share of duplicates the finding is a warning (rule DA11)."""


class Audit:
    """One pass over the rows of a file: rules, duplicates, overlap, labels and lengths."""

    def __init__(self, row_format: RowFormat, others: dict[str, Digests] | None = None, bucket: str = "") -> None:
        self._format = row_format
        self._others = others or {}
        self._bucket = bucket
        self._tally = Tally()
        self._rows_seen = Digests()
        self._ids_seen = Digests()
        self._duplicates = Seen()
        self._overlaps = {uri: Seen() for uri in self._others}
        self._parts: Counter[str] = Counter()
        self.rejects = Rejects()
        self.rows = 0
        self.labels = Labels()
        self.lengths = Lengths()

    def add(self, line: Line) -> None:
        """Check one row."""
        assert isinstance(line.record, dict)
        self.rows += 1
        row, number = line.record, line.number
        hits = self._format.check(row)
        if self._format.name == "rft" and isinstance(row.get("id"), str) and self._ids_seen.add(row["id"]):
            hits.append(Hit("DA3-rft-ids", "$.id"))
        if self._bucket and self._elsewhere(row):
            hits.append(Hit("DA9"))
        self._tally.add(number, hits)
        prompt, answer = self._format.prompt(row), self._format.answer(row)
        if prompt:
            self._compare(number, row, prompt, answer)
        self._parts.update(self._format.parts(row))
        self.labels.add(answer)
        self.lengths.add(prompt, answer)

    @property
    def reasoning_share(self) -> float:
        """The share of rows with reasoning, between 0 and 1."""
        return self._parts["reasoningContent"] / self.rows if self.rows else 0.0

    def row_findings(self) -> list[Finding]:
        """Return what single rows break, unreadable lines included."""
        unreadable = [
            rule_finding("DA1-row", self.rejects.where(reason), f"{reason}: {self.rejects.where(reason).where()}")
            for reason in _UNREADABLE
            if reason in self.rejects.reasons
        ]
        return unreadable + self._tally.findings()

    def file_findings(self) -> list[Finding]:
        """Return what the rows as a whole break."""
        if not self.rows:
            return [rule_finding("DA1-empty")]
        found = [*self._count_findings(), *self._media_findings(), *self._duplicate_findings()]
        optional = self._parts.copy()
        del optional["reasoningContent"]
        if detail := shares(optional, self.rows):
            found.append(rule_finding("DA10-optional", None, detail))
        for uri, seen in self._overlaps.items():
            if seen.count:
                found.append(rule_finding("DA11-overlap", seen, f"{seen.where()}, with {uri}"))
        return found

    def reasoning_findings(self) -> list[Finding]:
        """Return a finding when only some rows hold reasoning."""
        share = self.reasoning_share
        return [rule_finding("RE3", None, f"{share:.0%} of the rows")] if 0 < share < 1 else []

    def _compare(self, number: int, row: JsonRow, prompt: str, answer: str) -> None:
        if self._rows_seen.add(prompt, answer, *self._format.texts(row)):
            self._duplicates.add(number, None)
        for uri, queries in self._others.items():
            if prompt in queries:
                self._overlaps[uri].add(number, None)

    def _count_findings(self) -> list[Finding]:
        rows = f"{self.rows} rows"
        if self._format.name == "converse" and self.rows < 200:
            return [rule_finding("DA6", None, rows)]
        if self._format.name == "rft" and self.rows < 100:
            return [rule_finding("DA7-few", None, rows)]
        if self._format.name == "rft" and self.rows > 200:
            return [rule_finding("DA7-many", None, rows)]
        return []

    def _media_findings(self) -> list[Finding]:
        media = [kind for kind in ("image", "video", "document") if self._parts[kind]]
        found = [rule_finding("DA8-set", None, ", ".join(media))] if len(media) > 1 else []
        return [*found, rule_finding("DA8-files")] if media else found

    def _duplicate_findings(self) -> list[Finding]:
        if not self._duplicates.count:
            return []
        many = self._duplicates.count > self.rows * _DUPLICATE_SHARE
        return [rule_finding("DA11-duplicates" if many else "DA11-some-duplicates", self._duplicates)]

    def _elsewhere(self, row: JsonRow) -> bool:
        """Tell a row with media in another bucket than the data."""
        for _, message in objects(row.get("messages")):
            for _, item in objects(message.get("content")):
                found = media_uri(item)
                if found and not found[1].startswith(f"s3://{self._bucket}/"):
                    return True
        return False
