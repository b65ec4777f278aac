"""What a split asks for, and the row counts it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.shapes.columns import nearest
from novaforge.tools.datasets.splitting.apportion import largest_remainder

ROLES = ("train", "validation", "test")
UNUSED = "unused"
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Split:
    """Parts in the order of ROLES; ratios sum to 1, counts are rows."""

    roles: tuple[str, ...]
    ratios: tuple[Fraction, ...] = ()
    counts: tuple[int, ...] = ()

    def sizes(self, rows: int) -> tuple[list[str], list[int]]:
        """Return the parts and their rows for a file; rows that no count asks for are the part `unused`.

        Raises InputError when there are too few rows.
        """
        if self.counts:
            left = rows - sum(self.counts)
            if left < 0:
                asked = f"The split asks for {sum(self.counts)} rows; there are {rows} usable ones."
                raise InputError(
                    asked, field="split", value=dict(zip(self.roles, self.counts, strict=True)), fix="ask for fewer"
                )
            return [*self.roles, *([UNUSED] if left else [])], [*self.counts, *([left] if left else [])]
        sizes = largest_remainder(rows, self.ratios)
        refuse_empty(self.roles, sizes)
        return list(self.roles), sizes

    def as_asked(self) -> dict[str, str | int]:
        """Return the split for the manifest: counts, or ratios as text."""
        if self.counts:
            return dict(zip(self.roles, self.counts, strict=True))
        return {role: str(float(ratio)) for role, ratio in zip(self.roles, self.ratios, strict=True)}


def parse_split(split: Mapping[str, float]) -> Split:
    """Read ratios such as {"train": 0.8, "test": 0.2} or counts such as {"train": 3500}; raises InputError."""
    for name in split:
        if name not in ROLES:
            near = nearest(name, ROLES)
            fix = f"did you mean {near[0]}? " if near else ""
            raise _wrong(f"split has the unknown part {name!r}.", split, f"{fix}parts: {', '.join(ROLES)}")
    roles = tuple(role for role in ROLES if role in split)
    values = [split[role] for role in roles]
    if not roles or any(isinstance(value, bool) or not value > 0 for value in values):
        raise _wrong("split wants a number above 0 for each part.", split, 'such as {"train": 0.8, "validation": 0.2}')
    if all(value <= 1 for value in values):
        ratios = [Fraction(str(value)) for value in values]
        if abs(float(sum(ratios)) - 1) > _TOLERANCE:
            raise _wrong(f"The ratios of split sum to {float(sum(ratios)):g}, not 1.", split, "make them sum to 1")
        return Split(roles, ratios=tuple(ratio / sum(ratios) for ratio in ratios))
    if all(float(value).is_integer() for value in values):
        return Split(roles, counts=tuple(int(value) for value in values))
    raise _wrong("split mixes ratios and counts.", split, "give ratios that sum to 1, or whole numbers of rows")


def refuse_empty(roles: Sequence[str], sizes: Sequence[int]) -> None:
    """Raise InputError when a part would get no row."""
    empty = [role for role, size in zip(roles, sizes, strict=True) if not size]
    if empty:
        message = f"There are too few different rows for the split: {', '.join(empty)} would be empty."
        raise InputError(message, field="split", value=empty[0], fix="leave that part out, or give more rows")


def _wrong(message: str, split: Mapping[str, float], fix: str) -> InputError:
    return InputError(message, field="split", value=dict(split), fix=fix)
