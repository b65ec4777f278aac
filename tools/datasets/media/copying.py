"""Copy the media of rows beside the data while the rows are written, and take them back when the rows are not published."""

import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.media.fetch import CopySettings, fetch
from novaforge.tools.datasets.media.limits import MediaError
from novaforge.tools.datasets.media.outcome import Outcome
from novaforge.tools.datasets.media.publish import Place, Prefix, Vault
from novaforge.tools.datasets.media.references import GUESSED, agreed
from novaforge.tools.datasets.media.register import Register
from novaforge.tools.datasets.media.sniff import HEAD_BYTES, kind_of, sniff
from novaforge.tools.datasets.media.target import MediaTarget, refuse_unusable
from novaforge.tools.datasets.progress import refuse_cancelled
from novaforge.tools.datasets.rows import MediaRef

_IN_MEMORY = 1024 * 1024
_WAITING = 2
"""How many files wait per thread; more would hold their bytes in memory."""

_EVERY_S = 2.0


class Publication(Protocol):
    """What is told of every object before it is written, so that a killed process leaves none (output package)."""

    @property
    def token(self) -> str:
        """The text that marks objects of this publication."""
        ...

    def expect(self, uri: str) -> None:
        """Note that an object is about to be written."""
        ...


class MediaCopier:
    """Copies media in threads; used as a context manager. Without `keep` everything it copied is removed again.

    `inline` keeps the files aside instead, to be put into the rows as data: URIs.
    """

    def __init__(
        self,
        ctx: ToolContext,
        target: MediaTarget,
        *,
        inline: bool = False,
        outputs: Publication | None = None,
        settings: CopySettings | None = None,
    ) -> None:
        self._ctx = ctx
        self._target = target
        self._settings = settings or CopySettings()
        self._work_dir = _existing(ctx.work_dir)
        self._register = Register()
        self._vault = Vault() if inline else None
        self._place = self._place_of(outputs)
        self._pool = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="media")
        self._running: set[Future[None]] = set()
        self._stop = threading.Event()
        self._next = time.monotonic() + _EVERY_S
        self._kept = False

    def add(self, refs: Iterable[MediaRef]) -> None:
        """Begin to copy what has not been given before; waits while many wait.

        Raises InputError for a target that cannot hold media, ConflictError and AwsError when it cannot be written,
        CancelledError.
        """
        for ref in refs:
            if self._vault is None:
                refuse_unusable(self._target)
            if self._register.new(ref.name):
                self._wait(self._settings.threads * _WAITING - 1)
                self._running.add(self._pool.submit(self._copy, ref))

    def finish(self) -> Outcome:
        """Wait for all copies and return what became of them; raises like `add`."""
        self._wait(0)
        return Outcome(self._target, self._register, self._vault)

    def tidy(self) -> int:
        """Remove the copies no row uses, once the outcome was told which do; returns how many could not be removed.

        To be called before the rows are published: what a killed process leaves then is taken back with everything else.
        """
        return self._remove(unused=True) if self._register.uses else 0

    def keep(self) -> None:
        """Leave the copies where they are, after the rows were published."""
        self._kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        try:
            if not self._kept:
                left = self._remove(unused=False)
                if left and isinstance(error, NovaForgeError):
                    error.data["media_left_behind"] = left
                    error.message += f" {left} copied media files could not be removed again."
        finally:
            self._register.close()
            if self._vault is not None:
                self._vault.close()

    def _place_of(self, outputs: Publication | None) -> Place:
        if self._vault is not None:
            return self._vault
        if outputs is None:
            return Prefix(self._ctx, self._target.uri, secrets.token_hex(16))
        return Prefix(self._ctx, self._target.uri, outputs.token, outputs.expect)

    def _wait(self, most: int) -> None:
        """Wait until no more than `most` copies are under way."""
        while True:
            done = {future for future in self._running if future.done()}
            self._running -= done
            for future in done:
                future.result()
            refuse_cancelled(self._ctx)
            self._report()
            if len(self._running) <= most:
                return
            wait(self._running, timeout=_EVERY_S / 2, return_when=FIRST_COMPLETED)

    def _report(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            done, given = self._register.counts()
            self._ctx.progress(done, None, f"{done} of {given} media files copied")

    def _copy(self, ref: MediaRef) -> None:
        """Bring one file here, prove its format, and put it where it belongs; a file that cannot be used is noted."""
        if self._stop.is_set():
            return
        try:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=self._work_dir) as file:
                fetch(self._ctx, ref, file, self._settings)
                file.seek(0)
                name = final_name(ref, file.read(HEAD_BYTES))
                if not self._stop.is_set():
                    size = file.seek(0, os.SEEK_END)
                    self._register.copied(ref.name, name, size, ours=self._place.put(name, file))
        except MediaError as error:
            self._register.failed(ref.name, str(error))

    def _remove(self, *, unused: bool) -> int:
        """Remove copies made here, several at once; returns how many could not be."""
        with ThreadPoolExecutor(self._settings.threads) as pool:
            gone = pool.map(self._place.remove, self._register.ours(unused=unused))
            return sum(not removed for removed in gone)


def copy_media(
    ctx: ToolContext, refs: Iterable[MediaRef], target: MediaTarget, settings: CopySettings | None = None
) -> dict[str, str]:
    """Copy media and keep them; returns names of files that could not be copied with the reason. For few files.

    Raises like MediaCopier; then nothing stays behind.
    """
    with MediaCopier(ctx, target, settings=settings) as copier:
        names = []
        for ref in refs:
            names.append(ref.name)
            copier.add((ref,))
        outcome = copier.finish()
        problems = {name: problem for name in names if (problem := outcome.problem((name,)))}
        copier.keep()
    return problems


def final_name(ref: MediaRef, head: bytes) -> str:
    """Return the name a file gets; its format is the declared one, which the bytes must prove, else what they show."""
    stem, _, said = ref.name.rpartition(".")
    if not stem.endswith(GUESSED):
        agreed(said, head)
        return ref.name
    real = sniff(head)
    if kind_of(real) != ref.kind:
        raise MediaError(f"the bytes are {real or 'of no known media format'}, no {ref.kind} Nova takes")
    return f"{stem.removesuffix(GUESSED)}.{real}"


def _existing(folder: Path | None) -> str | None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return str(folder) if folder is not None else None
