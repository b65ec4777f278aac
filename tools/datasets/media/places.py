"""Where a rule was broken, over several files, and how often."""

from typing import NamedTuple

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.media.rules import media_finding

FIRST_LINES = 5


class Spot(NamedTuple):
    """One place: the file's place in the order of files, its short name ("" for the only one), line and JSON path."""

    order: int
    file: str
    line: int
    path: str

    @property
    def text(self) -> str:
        """The line as people read it."""
        return f"{self.file}:{self.line}" if self.file else str(self.line)


class Places:
    """References that broke a rule for one reason: how many, and the first of them in the order of the files."""

    def __init__(self) -> None:
        self.count = 0
        self.spots: list[Spot] = []

    def add(self, spot: Spot, count: int = 1) -> None:
        """Count references; `spot` is the first of them."""
        self.count += count
        self.spots = sorted([*self.spots, spot])[:FIRST_LINES]

    def words(self) -> str:
        """Return count and first lines in words."""
        shown = ", ".join(spot.text for spot in self.spots)
        what = "1 reference" if self.count == 1 else f"{self.count} references"
        plural = "s" if len(self.spots) > 1 else ""
        return f"{what}, line{plural} {shown}{', ...' if self.count > len(self.spots) else ''}"


class Tally:
    """Places by rule and reason."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Places] = {}

    def add(self, rule: str, reason: str, spot: Spot, count: int = 1) -> None:
        """Count references that broke a rule."""
        self._seen.setdefault((rule, reason), Places()).add(spot, count)

    def findings(self) -> list[Finding]:
        """Return one finding per rule and reason, in the order they were met."""
        found: list[Finding] = []
        for (rule, reason), places in self._seen.items():
            first = places.spots[0]
            detail = f"{reason}: {places.words()}" if reason else places.words()
            line = None if first.file else first.line
            found.append(media_finding(rule, detail, count=places.count, line=line, path=first.path))
        return found
