"""Read every media file a data set refers to once, and judge it for each row that names it."""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.media.buckets import judge_bucket, judge_owner
from novaforge.tools.datasets.media.judge import Verdict, judge
from novaforge.tools.datasets.media.look import Look, OfflineError, look_at
from novaforge.tools.datasets.media.objects import named_object
from novaforge.tools.datasets.media.places import Tally
from novaforge.tools.datasets.media.references_seen import ReferencesSeen, SeenReference
from novaforge.tools.datasets.progress import refuse_cancelled

_EVERY_S = 2.0


@dataclass(frozen=True)
class MediaSettings:
    """How media are checked: the data's bucket ("" for local data), how many files are read, and how many at once."""

    bucket: str = ""
    most_files: int = 200_000
    threads: int = 10


class Inspection:
    """One reading of all files a data set refers to, several at once; what is found goes to the tally."""

    def __init__(self, ctx: ToolContext, settings: MediaSettings, tally: Tally, seen: ReferencesSeen) -> None:
        self._ctx = ctx
        self._settings = settings
        self._tally = tally
        self._seen = seen
        self._total = seen.uris()
        self._running: dict[Future[Look], list[SeenReference]] = {}
        self._offline = ""
        self._done = 0
        self._next = time.monotonic() + _EVERY_S
        self._buckets: dict[str, list[Verdict]] = {}
        self._owners: dict[tuple[str, str], list[Verdict]] = {}

    def run(self) -> None:
        """Read and judge every file; raises CancelledError."""
        pool = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="media")
        try:
            for place, (uri, group) in enumerate(self._seen.grouped()):
                self._judge_place(uri, group)
                self._start(pool, place, uri, group)
                self._collect(self._settings.threads * 4)
            self._collect(0)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, pool: ThreadPoolExecutor, place: int, uri: str, group: list[SeenReference]) -> None:
        reason = self._offline
        if place >= self._settings.most_files:
            reason = f"only the first {self._settings.most_files} distinct files are read"
        if reason:
            self._note_all(group, [Verdict("DA8-files", reason)])
        else:
            self._running[pool.submit(look_at, self._ctx.aws, uri)] = group

    def _collect(self, most: int) -> None:
        """Judge what was read, until no more than `most` files are under way."""
        while True:
            refuse_cancelled(self._ctx)
            for future in [future for future in self._running if future.done()]:
                self._judge(future, self._running.pop(future))
            self._report()
            if len(self._running) <= most:
                return
            wait(self._running, timeout=_EVERY_S / 2, return_when=FIRST_COMPLETED)

    def _judge(self, future: "Future[Look]", group: list[SeenReference]) -> None:
        self._done += 1
        try:
            look = future.result()
        except OfflineError as error:
            self._offline = str(error)
            look = Look(reason=self._offline)
        for reference in group:
            self._note_all([reference], judge(reference.kind, reference.format, look))

    def _judge_place(self, uri: str, group: list[SeenReference]) -> None:
        """Judge bucket and owner, which are read once each."""
        named = named_object(uri)
        if named is None:
            return
        bucket = named[0]
        if self._settings.bucket and bucket != self._settings.bucket:
            self._note_all(group, [Verdict("DA9")])
        if self._offline:
            return
        if bucket not in self._buckets:
            self._buckets[bucket] = judge_bucket(self._ctx.aws, bucket)
        self._note_all(group, self._buckets[bucket])
        for reference in group:
            key = (bucket, reference.owner)
            if key not in self._owners:
                self._owners[key] = judge_owner(self._ctx.aws, *key, self._account())
            self._note_all([reference], self._owners[key])

    def _account(self) -> str:
        try:
            return self._ctx.aws.principal().account
        except NovaForgeError:
            return ""

    def _note_all(self, group: list[SeenReference], verdicts: list[Verdict]) -> None:
        for rule, reason in verdicts:
            for reference in group:
                self._tally.add(rule, reason, reference.spot, reference.times)

    def _report(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            self._ctx.progress(self._done, self._total, f"{self._done} of {self._total} media files checked")
