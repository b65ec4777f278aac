"""What a check beyond the format is: it looks at rows in any process, and says in the end what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from novaforge.guards.findings import Finding


FILE_SHIFT = 40
"""A row of the n-th file of a source (from 0) has line n << FILE_SHIFT | line; of a source of one file just its line."""


class RowView(NamedTuple):
    """One valid row as the checks see it: its line, the query, the wanted answer, every text the model reads or learns.

    `line` holds the number of the file above FILE_SHIFT; `id` is the row's own id as text, empty without one; `media` are the
    URIs of its images, videos and documents; `data` has the texts in UTF-8 with line feeds between them, and a lone surrogate,
    which JSON can spell, as its three bytes: made once, because several checks need it. `asked` is the query in the same way.
    `beyond` is a digest of the whole row where its texts are not all of it, as with calls of tools.
    """

    line: int
    prompt: str
    answer: str
    texts: tuple[str, ...]
    id: str = ""
    media: tuple[str, ...] = ()
    data: bytes = b""
    asked: bytes = b""
    beyond: bytes = b""

    @property
    def query(self) -> bytes:
        """The query as bytes."""
        return self.asked or encoded((self.prompt,))

    @property
    def encoded(self) -> bytes:
        """All texts as bytes."""
        return self.data or encoded(self.texts)


def encoded(texts: Sequence[str]) -> bytes:
    """Return texts as the checks read them in bytes."""
    return "\n".join(texts).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class CheckSettings:
    """What the checks need to know before the first row; picklable, the same in every process.

    `references` are the files that must not share rows with this one; `files` has the short names of the files of each
    source ("" for the source that is checked, else the reference); `max_length` is in tokens, `languages` are the wanted ones
    (ISO 639-1), `rows_expected` is an estimate by size (0 where unknown) by which checks of a sample choose its share.
    `prepare` fills `labels` and `template` from the first rows. `folder` is where temporary files go.
    """

    method: str = ""
    format: str = ""
    references: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    max_length: int | None = None
    languages: tuple[str, ...] = ()
    rows_expected: int = 0
    labels: bool = True
    """Whether the answers may be labels."""
    template: tuple[int, ...] = ()
    """Hashes of pieces of text that most queries share, in order."""
    folder: str | None = None

    def share(self, rows: int) -> float:
        """Return the share of rows to look at when about so many are enough; all of them where the number is unknown."""
        return min(1.0, rows / self.rows_expected) if self.rows_expected else 1.0

    def place(self, source: str, line: int) -> str:
        """Return a line as people read it, with the file's name where the source has several."""
        names = self.files.get(source, ())
        number, line = line >> FILE_SHIFT, line & ((1 << FILE_SHIFT) - 1)
        name = names[number] if number < len(names) and len(names) > 1 else ""
        return f"{name}:{line}" if name else str(line)

    def places(self, lines: Sequence[int], count: int, source: str = "") -> str:
        """Return a count of rows and their first lines in words."""
        rows = "1 row" if count == 1 else f"{count} rows"
        if not lines:
            return rows
        shown = ", ".join(self.place(source, line) for line in lines)
        return f"{rows}, line{'s' if len(lines) > 1 else ''} {shown}{', ...' if count > len(lines) else ''}"


class Check(Protocol):
    """One further check of a file.

    Made alike in every process from picklable settings. `scan` sees the rows of one batch and keeps nothing; its result
    is picklable and small. `merge` takes the results in the order of the file. Memory must not grow with the rows.
    Temporary files live as long as the check does.
    """

    name: str

    def scan(self, rows: Sequence[RowView]) -> Any:
        """Look at the rows of one batch."""
        ...

    def merge(self, file: str, result: Any) -> None:
        """Take the result of one batch of a file; `file` is empty for the file being checked, else one it is compared with."""
        ...

    def findings(self, rows: int) -> "list[Finding]":
        """Return what was found in all rows."""
        ...
