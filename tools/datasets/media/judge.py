"""Compare what a media file is with what a row says and AWS takes."""

from typing import NamedTuple

from novaforge.tools.datasets.media.limits import LEAST_PIXELS, LONGEST_SECONDS, MOST_BYTES, VIDEO_SECONDS
from novaforge.tools.datasets.media.look import Look
from novaforge.tools.datasets.media.sniff import kind_of


class Verdict(NamedTuple):
    """A rule a file breaks and, where it helps, what is the case; never text of the row."""

    rule: str
    reason: str = ""


def judge(kind: str, said: str, look: Look) -> list[Verdict]:
    """Return every rule a file breaks for a row that calls it a `kind` in format `said` ("" when the row says none)."""
    if look.broken in {"DA8-missing", "DA8-uri"}:
        return [Verdict(look.broken)]
    if look.reason and not look.format:
        return [Verdict("DA8-files", look.reason)]
    if look.size == 0:
        return [Verdict("DA8-magic", "the file is empty")]
    found = [Verdict("DA8-size", kind)] if look.size > MOST_BYTES.get(kind, look.size) else []
    if kind_of(look.format) != kind:
        return [*found, Verdict("DA8-magic", f"{look.format or 'unknown bytes'} for {kind}")]
    if said and look.format != said and kind_of(said) == kind:
        rule = "DA8-container" if kind == "video" else "DA8-magic"
        found.append(Verdict(rule, f"{look.format} for {said}"))
    return [*found, *_content(look)]


def _content(look: Look) -> list[Verdict]:
    if look.broken:
        return [Verdict(look.broken)]
    if look.reason:
        return [Verdict("DA8-files", look.reason)]
    if look.dimensions is not None and min(look.dimensions) < LEAST_PIXELS:
        return [Verdict("DA8-dimensions")]
    if look.seconds is not None and look.seconds > LONGEST_SECONDS:
        return [Verdict("DA8-long")]
    if look.seconds is not None and look.seconds > VIDEO_SECONDS:
        return [Verdict("DA8-duration")]
    return []
