"""Everything kept of one evaluation: a column per score, so that any subset of rows can be reported or compared."""

from pydantic import Field, JsonValue

from novaforge.guards.findings import Finding
from novaforge.guards.text import NOTICE
from novaforge.guards.values import Frozen, JsonObject

VERSION = "novaforge.evaluation/1"


class Scorecard(Frozen):
    """One evaluation as columns with one entry per row; texts from outside are cleaned, capped and called untrusted.

    prompts and golds are hashes. gold_labels and predictions are indexes into untrusted_labels, -1 for none; bleu
    holds the counts of bleu.row_counts.
    """

    version: str = VERSION
    job_id: str
    asked_labels: tuple[str, ...] | None
    task: str = ""
    service: dict[str, float] = Field(default_factory=dict[str, float])
    notice: str = NOTICE
    untrusted_ids: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    golds: tuple[str, ...] = ()
    gold_words: tuple[int, ...] = ()
    chars: tuple[int, ...] = ()
    scores: dict[str, tuple[float, ...]] = Field(default_factory=dict[str, tuple[float, ...]])
    bleu: tuple[tuple[int, ...], ...] = ()
    untrusted_labels: tuple[str, ...] = ()
    gold_labels: tuple[int, ...] = ()
    predictions: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    untrusted_samples: tuple[JsonObject, ...] = ()


def stored(card: Scorecard) -> JsonObject:
    """Return the scorecard as the ledger keeps it."""
    data: dict[str, JsonValue] = card.model_dump(mode="json")
    return data
