"""Check the media that rows refer to: collected by the workers, read once each by the parent at the end."""

from collections.abc import Iterable
from typing import NamedTuple

from novaforge.guards.findings import Finding
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.media.inline import judge_inline
from novaforge.tools.datasets.media.inspection import Inspection, MediaSettings
from novaforge.tools.datasets.media.items import MediaItem, media_items
from novaforge.tools.datasets.media.places import Spot, Tally
from novaforge.tools.datasets.media.references_seen import Reference, ReferencesSeen
from novaforge.tools.datasets.rows import JsonRow

__all__ = ["BatchMedia", "MediaCheck", "MediaSettings"]


class BatchMedia(NamedTuple):
    """The media of one batch: distinct references, and rules that images inside the rows break: rule, reason, line, path."""

    references: list[Reference]
    inline: list[tuple[str, str, int, str]]


class MediaCheck:
    """Collects references while rows are read; `inspect` reads the files and says what is wrong with them."""

    name = "media"

    def __init__(self, settings: MediaSettings | None = None) -> None:
        self.settings = settings or MediaSettings()
        self._tally = Tally()
        self._seen: ReferencesSeen | None = None
        self._orders: dict[str, int] = {}

    def scan(self, rows: Iterable[tuple[int, JsonRow]]) -> BatchMedia | None:
        """Return the media of the rows of one batch with their lines; None, quickly, when they have none."""
        found: dict[tuple[str, str, str, str], Reference] = {}
        inline: list[tuple[str, str, int, str]] = []
        for line, row in rows:
            for item in media_items(row):
                if item.path.startswith("$.images"):
                    inline += [(rule, reason, line, item.path) for rule, reason in judge_inline(item.uri)]
                else:
                    _note(found, item, line)
        return BatchMedia(list(found.values()), inline) if found or inline else None

    def merge(self, file: str, result: BatchMedia | None) -> None:
        """Take the result of one batch; `file` is the short name of a file, "" for the only one."""
        if result is None:
            return
        order = self._orders.setdefault(file, len(self._orders))
        for rule, reason, line, path in result.inline:
            self._tally.add(rule, reason, Spot(order, file, line, path))
        if result.references:
            self._seen = self._seen or ReferencesSeen()
            self._seen.add(order, file, result.references)

    def inspect(self, ctx: ToolContext) -> list[Finding]:
        """Read every distinct file in S3 and return one finding per rule and reason. Raises CancelledError."""
        try:
            if self._seen is not None:
                Inspection(ctx, self.settings, self._tally, self._seen).run()
        finally:
            self.close()
        return self._tally.findings()

    def close(self) -> None:
        """Forget the references; for a pass that failed before `inspect`."""
        if self._seen is not None:
            self._seen.close()
            self._seen = None


def _note(found: dict[tuple[str, str, str, str], Reference], item: MediaItem, line: int) -> None:
    key = (item.kind, item.format, item.uri, item.owner)
    before = found.get(key)
    found[key] = (
        before._replace(times=before.times + 1) if before else Reference(*key, line=line, path=item.path, times=1)
    )
