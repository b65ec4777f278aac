"""Which label an answer names, and which labels a data set has."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from novaforge.guards.errors import InputError
from novaforge.guards.text import one_line

MOST_LABELS = 20
MOST_SHARE = 0.10
"""Gold answers are labels when they have at most this many values, and at most this many per row."""

LABEL_CHARS = 60
NONE = -1
"""Index of "no valid prediction", or of a gold answer that is none of the labels."""

_JOINT = re.compile(r"(?<=\w)[\s_\-]+(?=\w)")
_OUTER = " \t\r\n.,;:!?\"'`*()[]{}<>"


def label_form(text: str) -> str:
    """Return the form in which labels are compared: folded case, joints as one space, no outer punctuation."""
    folded = _JOINT.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return folded.strip(_OUTER) or folded.strip()


class Labels:
    """A set of labels that finds the one label an answer names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._index = {label_form(name): place for place, name in enumerate(names)}

    def exactly(self, text: str) -> int:
        """Return the index of the label the text consists of, or NONE."""
        return self._index.get(label_form(text), NONE)

    def named_in(self, text: str) -> int:
        """Return the label the text consists of, else the only one it mentions as whole words, else NONE."""
        found = self.exactly(text)
        if found != NONE:
            return found
        mentioned = set(self._mention.findall(label_form(text)))
        return self._index[mentioned.pop()] if len(mentioned) == 1 else NONE

    @cached_property
    def _mention(self) -> re.Pattern[str]:
        # Longest first, so that a label inside a longer label is not taken for a mention of its own.
        forms = sorted(self._index, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, forms))})(?!\w)")


def given_labels(labels: Sequence[str]) -> Labels:
    """Return the labels the caller named; raises InputError when they are fewer than two, blank, long or equal."""
    bad = [label for label in labels if not label_form(label) or len(label) > LABEL_CHARS]
    if bad or len(labels) < 2:
        why = f"{bad[0]!r} is blank or longer than {LABEL_CHARS} characters" if bad else "at least two are needed"
        raise InputError(
            f"These are no usable labels: {why}.",
            field="labels",
            value=list(labels),
            fix="name every class once, or leave labels out",
        )
    forms = Counter(map(label_form, labels))
    twice = [label for label in labels if forms[label_form(label)] > 1]
    if twice:
        raise InputError(
            f"The labels {', '.join(map(repr, twice))} differ only in case, spaces or punctuation.",
            field="labels",
            value=list(labels),
            fix="name each label once",
        )
    return Labels(labels)


def inferred_labels(golds: Sequence[str]) -> Labels | str:
    """Return the labels the gold answers consist of, or the reason why they look like free text."""
    spellings: dict[str, Counter[str]] = {}
    for gold in golds:
        spellings.setdefault(label_form(gold), Counter())[gold.strip()] += 1
    limit = min(MOST_LABELS, int(len(golds) * MOST_SHARE))
    if not 2 <= len(spellings) <= limit:
        return f"the gold answers have {len(spellings)} values in {len(golds)} rows; labels have 2 to {limit}"
    if "" in spellings or any(len(form) > LABEL_CHARS for form in spellings):
        return f"some gold answers are blank or longer than {LABEL_CHARS} characters"
    return Labels(sorted(one_line(seen.most_common(1)[0][0], LABEL_CHARS) for seen in spellings.values()))
