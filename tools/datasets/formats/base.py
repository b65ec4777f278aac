"""What a row format is: how a row is built, checked and read again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from novaforge.tools.datasets.rows import Hit, JsonRow

Fields = Mapping[str, Any]
"""Logical names to values; text, except where a format takes an object or a list. Optional ones may be absent."""


class Texts(NamedTuple):
    """What the functions of a format say about one row: query, answer, every text, the names of its optional parts."""

    prompt: str
    answer: str
    texts: tuple[str, ...]
    parts: set[str]


@dataclass(frozen=True)
class RowFormat:
    """One row format of one method."""

    name: str
    method: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    structured: tuple[str, ...]
    """Fields that may hold a JSON object or list instead of text."""
    build: Callable[[Fields], JsonRow]
    check: Callable[[JsonRow], list[Hit]]
    """Every rule a row breaks; never raises, whatever JSON the row is."""
    check_fields: Callable[[Fields], list[Hit]]
    """The same for the row that `build` makes of these fields, at a fraction of the time."""
    prompt: Callable[[JsonRow], str]
    """The text the model is asked, the same for one question in every format; of a row that breaks no rule."""
    answer: Callable[[JsonRow], str]
    """The wanted answer as text, or an empty string."""
    texts: Callable[[JsonRow], Iterator[str]]
    """Every text the model reads or learns."""
    parts: Callable[[JsonRow], set[str]]
    """Names of the optional parts a row has."""
    file_name: str = ""
    """The only file name the method reads; empty when any .jsonl will do."""
    model: str = "nova_lite_2"
    """The model the rows are for; what it cannot read breaks a rule."""
    platform: str = ""
    """Where the rows are trained on; empty when nobody said, and the rules that depend on it are left out."""
    task: str = ""
    """The task of an evaluation; empty for training."""
    tools: bool = False
    """Whether rows may define and use tools."""
    reasoning: bool = False
    """Whether rows may hold reasoning."""
    media: tuple[str, ...] = ()
    """Kinds of media a row may hold, of image, video and document."""
    taken: tuple[str, ...] = ()
    """Keys that further columns may not have in a row; empty when the format takes no further columns."""
    id_key: str = ""
    """The key of a row's own id, which no two rows should share; empty when rows have none."""

    plain: Callable[[JsonRow], Texts | None] | None = None
    """What `prompt`, `answer`, `texts` and `parts` say of most rows, in a quarter of the time; None of any other row."""

    def texts_of(self, row: JsonRow) -> Texts:
        """Return everything there is to read in a row."""
        found = self.plain(row) if self.plain is not None else None
        return found or Texts(self.prompt(row), self.answer(row), tuple(self.texts(row)), self.parts(row))

    @property
    def fields(self) -> tuple[str, ...]:
        """Every logical name that has a place in a row."""
        return self.required + self.optional


def blank(value: Any) -> bool:
    """Tell anything but a text with at least one visible character."""
    return not isinstance(value, str) or not value.strip()


def objects(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """Return the objects of a list with their places; nothing for any other value."""
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]


def all_objects(value: Any) -> bool:
    """Tell a list that holds objects only."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


RECORD_TOKENS = 12_000
"""The longest record an evaluation with your own data should have, in tokens (AWS's evaluation page)."""
_BYTES_A_TOKEN = 4


def long_record(*values: Any) -> bool:
    """Tell texts that are together over RECORD_TOKENS by an estimate of four bytes a token, which is within about 30 %."""
    chars = 0
    for value in values:
        if isinstance(value, str):
            chars += len(value)
    if chars <= RECORD_TOKENS:
        # A character takes at most four bytes.
        return False
    texts = (value for value in values if isinstance(value, str))
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) > RECORD_TOKENS * _BYTES_A_TOKEN
