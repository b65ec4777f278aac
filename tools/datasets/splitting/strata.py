"""Number the strata of a split by their label."""

from collections.abc import Sequence

from novaforge.guards.errors import InputError

MAX_LABELS = 100
"""More distinct answers than this are no labels."""
MAX_LABEL_CHARS = 100
MAX_STRATA = 1000
ROWS_PER_LABEL = 5
"""Fewer rows than this per distinct answer are no classification."""


class Strata:
    """Labels and their numbers; gives up when the values turn out to be no labels, unless the caller asked for them."""

    def __init__(self, asked_for: str | None = None) -> None:
        self._asked_for = asked_for
        self._numbers: dict[str, int] = {}
        self.rows: list[int] = []
        self._given_up = False

    def numbers(self, labels: Sequence[str] | None, rows: Sequence[int]) -> list[int]:
        """Return the strata of some labels that so many rows have; None means that they are no labels.

        Raises InputError when an asked-for column has too many values.
        """
        if labels is None and self._asked_for is None:
            self._give_up()
        found = [self._number(label) for label in labels or ()]
        if self._given_up:
            return [0] * len(rows)
        for number, count in zip(found, rows, strict=True):
            self.rows[number] += count
        return found

    @property
    def useful(self) -> bool:
        """Tell whether rows are to be divided by label."""
        if self._asked_for is not None:
            return True
        labels = len(self._numbers)
        return not self._given_up and labels >= 2 and sum(self.rows) >= labels * ROWS_PER_LABEL

    @property
    def names(self) -> list[str]:
        """The labels by number; none when the values are no labels."""
        return list(self._numbers) if self.useful else []

    @property
    def counts(self) -> dict[str, int]:
        """Rows by label; empty when the values are no labels."""
        return {label: self.rows[number] for label, number in self._numbers.items()} if self.useful else {}

    def _number(self, label: str) -> int:
        if self._given_up:
            return 0
        number = self._numbers.get(label)
        return self._new(label) if number is None else number

    def _give_up(self) -> None:
        self._given_up = True
        self._numbers.clear()
        self.rows.clear()

    def _new(self, label: str) -> int:
        if self._asked_for is None and (len(self._numbers) >= MAX_LABELS or len(label) > MAX_LABEL_CHARS):
            self._give_up()
            return 0
        if len(self._numbers) >= MAX_STRATA:
            raise InputError(
                f"Column {self._asked_for} has more than {MAX_STRATA} distinct values.",
                field="stratify_by",
                value=self._asked_for,
                fix="stratify by a column with fewer values, or leave stratify_by out",
            )
        self._numbers[label] = len(self._numbers)
        self.rows.append(0)
        return self._numbers[label]
