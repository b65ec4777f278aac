"""Which rows several evaluations have in common."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.tools.evaluation.scorecard import Scorecard

LEAST_SHARE = 0.5
"""Below this share of the smallest evaluation, the common rows say little about either."""


@dataclass(frozen=True)
class Joined:
    """For each evaluation the places of the common rows, in the same order; by: what rows were recognised with."""

    places: tuple[tuple[int, ...], ...]
    by: str
    findings: tuple[Finding, ...]


def join_rows(cards: Sequence[Scorecard]) -> Joined:
    """Match rows by id, or by prompt and gold answer where ids are missing or repeated.

    Raises InputError when less than half of the smallest evaluation is common to all.
    """
    by_id = all(_ids_usable(card) for card in cards)
    indexes = [_by_id(card) if by_id else _by_text(card) for card in cards]
    common = [key for key in indexes[0] if all(key in index for index in indexes)]
    same = [key for key in common if len({card.golds[index[key]] for card, index in _zip(cards, indexes)}) == 1]
    joined = tuple(tuple(index[key] for key in same) for index in indexes)
    smallest = min(len(card.untrusted_ids) for card in cards)
    if len(same) < LEAST_SHARE * smallest or not same:
        raise _too_few(cards, len(same), len(common))
    return Joined(joined, "row id" if by_id else "prompt and gold answer", tuple(_findings(cards, joined, len(common))))


def _zip(
    cards: Sequence[Scorecard], indexes: list[dict[Hashable, int]]
) -> "zip[tuple[Scorecard, dict[Hashable, int]]]":
    return zip(cards, indexes, strict=True)


def _ids_usable(card: Scorecard) -> bool:
    return all(card.untrusted_ids) and len(set(card.untrusted_ids)) == len(card.untrusted_ids)


def _by_id(card: Scorecard) -> dict[Hashable, int]:
    return {key: place for place, key in enumerate(card.untrusted_ids)}


def _by_text(card: Scorecard) -> dict[Hashable, int]:
    """Equal rows are told apart by their order."""
    seen: Counter[tuple[str, str]] = Counter()
    index: dict[Hashable, int] = {}
    for place, key in enumerate(zip(card.prompts, card.golds, strict=True)):
        index[(*key, seen[key])] = place
        seen[key] += 1
    return index


def _counts(cards: Sequence[Scorecard]) -> str:
    return ", ".join(f"{card.job_id} has {len(card.untrusted_ids)}" for card in cards)


def _too_few(cards: Sequence[Scorecard], same: int, common: int) -> InputError:
    changed = f"; {common - same} more rows have the same id but another gold answer" if common > same else ""
    return InputError(
        f"These evaluations were not made on the same rows: {same} are common, {_counts(cards)}{changed}.",
        field="job_ids",
        value=[card.job_id for card in cards],
        fix="evaluate every model on the same gen_qa file, then compare those jobs",
        common_rows=same,
    )


def _findings(cards: Sequence[Scorecard], places: Sequence[Sequence[int]], common: int) -> list[Finding]:
    found: list[Finding] = []
    same = len(places[0])
    if any(len(card.untrusted_ids) != same for card in cards):
        changed = f", {common - same} rows with another gold answer left out" if common > same else ""
        message = f"compared on the {same} common rows only: {_counts(cards)}{changed}"
        found.append(Finding(rule="EVAL-rows", severity="warn", message=message, count=same))
    prompts = [[card.prompts[place] for place in chosen] for card, chosen in zip(cards, places, strict=True)]
    differing = sum(1 for row in zip(*prompts, strict=True) if len(set(row)) > 1)
    if differing:
        message = f"the prompts of {differing} common rows differ between the jobs (another system prompt?)"
        found.append(Finding(rule="EVAL-prompts", severity="warn", message=message, count=differing))
    return found
