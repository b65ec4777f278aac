"""Rows kept in a temporary file with an index until all of them are known; then some go, and the rest are divided."""

from collections import Counter
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple

from novaforge.guards.findings import Finding
from novaforge.guards.values import JsonObject
from novaforge.tools.datasets.analysis.check import FILE_SHIFT
from novaforge.tools.datasets.analysis.spool import Spool
from novaforge.tools.datasets.engine.rows_work import IndexPart, NeedsIndexError, RowsResult
from novaforge.tools.datasets.filters.candidate import Stateful
from novaforge.tools.datasets.output.outputs import OutputFile, Outputs
from novaforge.tools.datasets.rows import FILTERED, Reject
from novaforge.tools.datasets.splitting.media_rows import Copier, MediaRows
from novaforge.tools.datasets.splitting.parts import RANKED, Tick, describe_thresholds, sizes_finding, thresholds
from novaforge.tools.datasets.splitting.ranks import ranks
from novaforge.tools.datasets.splitting.removed import RANGE_BITS, Removed, later_copies
from novaforge.tools.datasets.splitting.split import UNUSED, Split, refuse_empty
from novaforge.tools.datasets.splitting.strata import Strata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASH, PLACE, SHAPE = range(3)
"""A row's place is the number of its file above FILE_SHIFT, its line below; its shape is its bytes and its stratum."""
UNUSABLE_MEDIA = "unusable media: "
_LINE = (1 << FILE_SHIFT) - 1
_CHUNK = 1 << 14
_STRATUM_BITS = 32


class Settings(NamedTuple):
    """File names by role, the split or None, its seed, the column to stratify by, and the filters that compare rows."""

    names: dict[str, str]
    split: Split | None
    seed: int
    stratify_by: str | None = None
    comparing: tuple[Stateful, ...] = ()


class SpooledParts:
    """Rows that wait for what the others say; `removed` is told each row that goes, with the number of its file."""

    def __init__(
        self, outputs: Outputs, settings: Settings, folder: str | None, label: Callable[[int], str],
        removed: Callable[[Reject, int], None], copier: Copier | None = None,
    ) -> None:  # fmt: skip
        self._outputs = outputs
        self._settings = settings
        self._label = label
        self._on_removed = removed
        self._rows: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._index = Spool(3, folder)
        self._digests = Spool(4, folder)
        self._media = MediaRows(copier, folder) if copier is not None else None
        self._signatures = [Spool(each.words, folder) for each in settings.comparing]
        self._strata = Strata(settings.stratify_by)
        self._gone = Removed(folder)
        self._off_target: dict[str, int] = {}
        self._counts: dict[str, Counter[int]] = {}
        self._files: list[OutputFile] = []
        self.unused = 0
        self.removed = 0

    def close(self) -> None:
        """Let go of the temporary files."""
        self._rows.close()
        if self._media is not None:
            self._media.close()

    def take(self, result: RowsResult, file: int) -> None:
        """Keep the rows of one batch; raises NeedsIndexError for rows with media that nobody would copy."""
        if not result.counts[0]:
            return
        assert result.indexed is not None
        if result.indexed.media and self._media is None:
            raise NeedsIndexError
        self._rows.write(result.parts[0])
        start = self._index.count
        places = self._add_index(result.indexed, file)
        if result.indexed.digests:
            self._add_digests(result.indexed.digests, start, places)
        for row, refs in result.indexed.media:
            assert self._media is not None
            self._media.add(start + row, refs)
        for spool, signatures in zip(self._signatures, result.indexed.signatures, strict=True):
            spool.add(signatures)

    def finish(self, tick: Tick) -> list[OutputFile]:
        """Remove copies, divide the rest; raises InputError when a part would be empty."""
        self._remove_copies(tick)
        split, names = self._settings.split, self._settings.names
        kept = self._kept_rows()
        self.removed = self._index.count - kept
        if split is None:
            roles, totals = list(names), [kept]
        elif self._ranked:
            roles, totals = split.sizes(kept)
        else:
            roles, totals = list(split.roles), []
        files = {role: self._outputs.create(role, names[role]) for role in roles if role != UNUSED}
        self._gather([files.get(role) for role in roles], self._assignment(totals, tick), roles, tick)
        self._files = list(files.values())
        if split is not None:
            refuse_empty(list(files), [file.rows for file in self._files])
        if self._ranked:
            wanted = dict(zip(roles, totals, strict=True))
            self._off_target = {role: file.rows for role, file in files.items() if file.rows != wanted[role]}
        return self._files

    def describe(self) -> JsonObject:
        """Return the split, its seed and its strata for the manifest."""
        split = self._settings.split
        if split is None:
            return {}
        if not self._ranked:
            return describe_thresholds(split, self._settings.seed)
        return {
            "asked": dict(split.as_asked()),
            "seed": self._settings.seed,
            "method": RANKED,
            "stable": False,
            "strata": dict(Counter(self._strata.counts).most_common()),
            "equal_queries_kept_together": dict(self._off_target),
        }

    def findings(self) -> list[Finding]:
        """Return rows in no part, and parts that differ from what was asked."""
        found: list[Finding] = []
        if self._settings.split is not None and not self._ranked:
            found.append(sizes_finding(self._settings.split, self._files))
        if self.unused:
            message = f"{self.unused} rows are in no part, as the counts ask"
            found.append(Finding(rule="split-unused", severity="info", message=message, count=self.unused))
        if self._off_target:
            sizes = ", ".join(f"{role} has {rows}" for role, rows in self._off_target.items())
            message = f"rows with equal queries were kept in one part, so {sizes} rows"
            found.append(Finding(rule="split-equal-queries", severity="info", message=message))
        return found

    def labels(self) -> dict[str, dict[str, int]]:
        """Return rows by label for each file."""
        names = self._strata.names
        return {
            file.role: {names[stratum]: rows for stratum, rows in self._counts[file.role].most_common() if names}
            for file in self._files
        }

    @property
    def _ranked(self) -> bool:
        """Tell whether parts are cut at exact ranks."""
        split = self._settings.split
        return split is not None and (bool(split.counts) or self._settings.stratify_by is not None)

    def _add_index(self, index: IndexPart, file: int) -> "NDArray[np.uint64]":
        import numpy as np

        local = np.frombuffer(index.strata, np.uint32)
        used = np.bincount(local, minlength=len(index.labels or ()) or 1)
        numbers = np.array(self._strata.numbers(index.labels, used.tolist()), np.uint64)
        records = np.empty((local.size, 3), np.uint64)
        records[:, HASH] = np.frombuffer(index.hashes, ">u8")
        records[:, PLACE] = np.frombuffer(index.lines, np.uint64) | np.uint64(file << FILE_SHIFT)
        lengths = np.frombuffer(index.lengths, np.uint32).astype(np.uint64)
        records[:, SHAPE] = lengths << np.uint64(_STRATUM_BITS) | numbers[local]
        self._index.add(records.tobytes())
        return records[:, PLACE]

    def _add_digests(self, digests: bytes, start: int, places: "NDArray[np.uint64]") -> None:
        import numpy as np

        records = np.empty((places.size, 4), np.uint64)
        records[:, :2] = np.frombuffer(digests, ">u8").reshape(-1, 2)
        records[:, 2] = np.arange(start, start + places.size)
        records[:, 3] = places
        self._digests.add(records.tobytes())

    def _remove_copies(self, tick: Tick) -> None:
        import numpy as np

        reason = self._gone.reason(f"{FILTERED}exact_duplicates")
        for rows, likes in later_copies(self._digests):
            tick("looking for equal rows")
            self._gone.add(rows, reason, likes)
        for each, signatures in zip(self._settings.comparing, self._signatures, strict=True):
            tick(f"comparing rows for {each.name}")
            pairs = each.duplicates(signatures)
            reason = self._gone.reason(f"{FILTERED}{each.name}")
            self._gone.add(pairs[:, 0].astype(np.uint64), reason, self._places(pairs[:, 1]))
        if self._media is not None:
            self._remove_failed(self._media)

    def _remove_failed(self, media: MediaRows) -> None:
        """Take out rows whose media could not be copied."""
        import numpy as np

        settled, reasons = media.finish(), dict[str, int]()
        for row, names in media:
            if problem := settled.problem(names):
                if problem not in reasons:
                    reasons[problem] = self._gone.reason(f"{UNUSABLE_MEDIA}{problem}")
                self._gone.add(np.array([row], np.uint64), reasons[problem], np.zeros(1, np.uint64))

    def _places(self, rows: "NDArray[np.int64]") -> "NDArray[np.uint64]":
        """Return the places of rows, reading the index once."""
        import numpy as np

        found = np.zeros(rows.size, np.uint64)
        order = np.argsort(rows)
        ordered, start, at = rows[order], 0, 0
        for records in self._index.chunks():
            end = int(np.searchsorted(ordered, start + len(records)))
            found[order[at:end]] = records[ordered[at:end] - start, PLACE]
            start, at = start + len(records), end
        return found

    def _chunks(self) -> "Iterator[tuple[NDArray[np.uint64], NDArray[np.uint16], NDArray[np.uint64]]]":
        """Yield the index in order: records, the number of each row's reason to go (0: it stays), places of like rows."""
        at, within = 0, (1 << RANGE_BITS) - 1
        reasons, likes = self._gone.of_range(0)
        for records in self._index.chunks(_CHUNK):
            if at and not at & within:
                reasons, likes = self._gone.of_range(at >> RANGE_BITS)
            here = slice(at & within, (at & within) + len(records))
            yield records, reasons[here], likes[here]
            at += len(records)

    def _kept_rows(self) -> int:
        return sum(int((reasons == 0).sum()) for _, reasons, _ in self._chunks())

    def _strata_of(self, records: "NDArray[np.uint64]") -> "NDArray[np.int64]":
        import numpy as np

        if not self._strata.useful:
            return np.zeros(len(records), np.int64)
        return (records[:, SHAPE] & np.uint64((1 << _STRATUM_BITS) - 1)).astype(np.int64)

    def _assignment(self, totals: list[int], tick: Tick) -> "Callable[[NDArray[np.uint64]], NDArray[np.int64]]":
        """Return how to tell the parts of rows from their records."""
        import numpy as np

        split = self._settings.split
        if split is None:
            return lambda records: np.zeros(len(records), np.int64)
        if not self._ranked:
            cuts = np.array([int.from_bytes(cut, "big") for cut in thresholds(split.ratios)], np.uint64)
            return lambda records: np.searchsorted(cuts, records[:, HASH], side="right").astype(np.int64)
        found = ranks(lambda: self._kept_hashes(tick), max(1, len(self._strata.names)), totals)
        return lambda records: found.parts(records[:, HASH], self._strata_of(records))

    def _kept_hashes(self, tick: Tick) -> "Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]":
        for records, reasons, _ in self._chunks():
            tick("dividing the rows")
            kept = records[reasons == 0]
            yield kept[:, HASH], self._strata_of(kept)

    def _gather(
        self, files: list[OutputFile | None], assign: "Callable[[NDArray[np.uint64]], NDArray[np.int64]]",
        roles: list[str], tick: Tick,
    ) -> None:  # fmt: skip
        """Read the rows again in their order and write each to its file."""
        import numpy as np

        self._rows.seek(0)
        media, start = iter(self._media or ()), 0
        pending = next(media, None)
        counts = {role: Counter[int]() for role in roles}
        for records, reasons, likes in self._chunks():
            tick("writing the rows")
            parts, strata = assign(records), self._strata_of(records)
            lengths = (records[:, SHAPE] >> np.uint64(_STRATUM_BITS)).tolist()
            for at, (length, reason, part) in enumerate(zip(lengths, reasons.tolist(), parts.tolist(), strict=True)):
                data = self._rows.read(length)
                if pending is not None and pending.row == start + at:
                    if self._media is not None and not reason and files[part] is not None:
                        data = self._media.settle(data, pending.names)
                    pending = next(media, None)
                if reason:
                    self._report(int(records[at, PLACE]), reason, int(likes[at]))
                elif (file := files[part]) is not None:
                    file.write(data)
                else:
                    self.unused += 1
            start += len(records)
            for number, role in enumerate(roles):
                found = np.bincount(strata[(parts == number) & (reasons == 0)])
                counts[role].update({stratum: int(rows) for stratum, rows in enumerate(found) if rows})
        self._counts = counts

    def _report(self, place: int, reason: int, like: int) -> None:
        what, detail = self._gone.reasons[reason], ""
        if what.startswith(UNUSABLE_MEDIA):
            what, detail = UNUSABLE_MEDIA.rstrip(": "), what.removeprefix(UNUSABLE_MEDIA)
        elif like:
            name = self._label(like >> FILE_SHIFT)
            detail = f"duplicate of {name}:{like & _LINE}" if name else f"duplicate of line {like & _LINE}"
        self._on_removed(Reject(place & _LINE, what, detail), place >> FILE_SHIFT)
