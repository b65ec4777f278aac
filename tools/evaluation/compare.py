"""Put evaluations of the same rows side by side and test their differences."""

from collections.abc import Sequence

from novaforge.guards.findings import Finding
from novaforge.tools.evaluation.figures import figures_of, label_hits, labelled
from novaforge.tools.evaluation.join import Joined
from novaforge.tools.evaluation.results import Difference, Figure
from novaforge.tools.evaluation.scorecard import Scorecard
from novaforge.tools.evaluation.significance import Paired, compare_paired, holm

TESTED = ("exact_match", "quasi_exact_match", "f1_score_quasi", "rougeL")
LABEL = "label_accuracy"
BINARY = ("exact_match", "quasi_exact_match", LABEL)


def same_labels(cards: Sequence[Scorecard]) -> bool:
    """Tell whether all evaluations were scored with the same labels."""
    return bool(cards[0].untrusted_labels) and all(card.untrusted_labels == cards[0].untrusted_labels for card in cards)


def table_of(cards: Sequence[Scorecard], joined: Joined) -> dict[str, list[Figure]]:
    """Return each metric that all evaluations have, one figure per evaluation, over the common rows."""
    columns = [figures_of(card, places) for card, places in zip(cards, joined.places, strict=True)]
    names = [name for name in columns[0] if all(name in column for column in columns)]
    return {name: [column[name] for column in columns] for name in names}


def label_findings(cards: Sequence[Scorecard]) -> list[Finding]:
    """Return a finding when labels were found but not the same ones everywhere."""
    if same_labels(cards) or not any(card.untrusted_labels for card in cards):
        return []
    message = "label figures are not compared: the labels inferred from the gold answers differ between the jobs"
    return [Finding(rule="EVAL-labels", severity="not_checked", message=message, fix="pass labels")]


def pairs_of(count: int) -> list[tuple[int, int]]:
    """Return consecutive pairs, then first against last."""
    consecutive = [(place, place + 1) for place in range(count - 1)]
    return consecutive if count == 2 else [*consecutive, (0, count - 1)]


def differences_of(cards: Sequence[Scorecard], joined: Joined, names: Sequence[str]) -> list[Difference]:
    """Return the tested differences of every pair, p-values Holm-adjusted over the pairs of each metric."""
    found: list[tuple[int, int, Paired]] = []
    for first, second in pairs_of(len(cards)):
        before, after = (_columns(cards[place], joined.places[place]) for place in (first, second))
        tested = compare_paired(before, after, BINARY)
        if same_labels(cards):
            hits = [{LABEL: _hits(cards[place], joined.places[place])} for place in (first, second)]
            tested += compare_paired(hits[0], hits[1], BINARY) if hits[0][LABEL] else []
        found += [(first, second, one) for one in tested]
    return _adjusted(found, names)


def _columns(card: Scorecard, places: Sequence[int]) -> dict[str, Sequence[float]]:
    return {name: [card.scores[name][place] for place in places] for name in TESTED if name in card.scores}


def _hits(card: Scorecard, places: Sequence[int]) -> Sequence[float]:
    # Common rows have the same gold answer, so both sides leave out the same rows.
    return label_hits(card, labelled(card, places))


def _adjusted(found: list[tuple[int, int, Paired]], names: Sequence[str]) -> list[Difference]:
    p_holm: dict[int, float] = {}
    for metric in {one.metric for *_, one in found}:
        places = [place for place, (*_, one) in enumerate(found) if one.metric == metric]
        p_holm |= dict(zip(places, holm([found[place][2].p for place in places]), strict=True))
    return [
        Difference.model_validate(
            one.model_dump() | {"first": names[first], "second": names[second], "p_holm": p_holm[place]}
        )
        for place, (first, second, one) in enumerate(found)
    ]
