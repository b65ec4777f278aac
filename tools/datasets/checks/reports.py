"""Findings about a source as such: what could not be read, and what was assumed."""

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.checks.tally import Rejects
from novaforge.tools.datasets.reading.encoding import conversion
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.rows import BAD_CSV, FILTERED, NOT_UTF8, TOO_FEW_CELLS, TOO_LARGE
from novaforge.tools.datasets.shapes.columns import Mapping, shown

_NAME_WORDS = 4
_LANGUAGE = f"{FILTERED}languages: "
_LANGUAGES_TOLD = 8


def reject_findings(source: Source, rejects: Rejects) -> list[Finding]:
    """Return one finding per reason for which rows were left out; the languages that a filter does not want are one reason."""
    found: list[Finding] = []
    languages = {reason: rows for reason, rows in rejects.reasons.items() if _is_language(reason)}
    if len(languages) > 1:
        found.append(_languages_finding(languages))
    for reason in rejects.reasons:
        if len(languages) > 1 and reason in languages:
            continue
        seen = rejects.where(reason)
        found.append(
            Finding(
                rule="source-rows",
                severity="info" if reason.startswith(FILTERED) else "warn",
                message=f"rows left out: {reason} ({seen.where()})",
                fix=_fix(
                    source, reason, swallowed=reason in (BAD_CSV, TOO_FEW_CELLS, TOO_LARGE) and seen.span > seen.count
                ),
                count=seen.count,
            )
        )
    return found


def _is_language(reason: str) -> bool:
    """Tell the code of a language from the reasons that name none: unsure, too short to tell."""
    return reason.startswith(_LANGUAGE) and len(reason) <= len(_LANGUAGE) + 3


def _languages_finding(languages: dict[str, int]) -> Finding:
    most = sorted(languages, key=lambda reason: (-languages[reason], reason))
    told = ", ".join(f"{languages[reason]} x {reason.removeprefix(_LANGUAGE)}" for reason in most[:_LANGUAGES_TOLD])
    others = f" and {len(most) - _LANGUAGES_TOLD} other languages" if len(most) > _LANGUAGES_TOLD else ""
    rows = sum(languages.values())
    return Finding(
        rule="source-rows",
        severity="info",
        message=f"rows left out: {FILTERED}languages ({rows} rows: {told}{others})",
        fix="loosen the filter where these rows are wanted",
        count=rows,
    )


def mapping_findings(source: Source, mapping: Mapping) -> list[Finding]:
    """Return what was assumed about the columns, and which columns are not used."""
    if mapping.given:
        return []
    pairs = ", ".join(f"{name} from {shown([column])}" for name, column in mapping.columns.items())
    unused = [column for column in source.columns or mapping.present if column not in mapping.columns.values()]
    rest = f"; not used: {_named(unused)}" if unused else ""
    message = f"columns were chosen by their names: {pairs}{rest}"
    return [Finding(rule="source-mapping", severity="info", message=message, fix="give columns to choose others")]


def _named(names: list[str]) -> str:
    """Return names that are no sentences, and how many others there are: they come from the file."""
    short = [name for name in names if len(name.split()) <= _NAME_WORDS]
    told = [shown(short)] if short else []
    return " and ".join([*told, *([f"{len(names) - len(short)} with long names"] if len(short) < len(names) else [])])


def _fix(source: Source, reason: str, *, swallowed: bool) -> str:
    if reason.startswith(FILTERED):
        return "loosen the filter where these rows are wanted"
    if swallowed:
        return "look for a quote that opens on that line and is not closed: every line below it up to the next quote is lost with it"
    if reason == TOO_LARGE:
        return "shorten them; put images that stand in the rows as data URIs into files of their own, and name their paths or s3:// URIs"
    if reason != NOT_UTF8:
        return "correct them in the source, or go on without them"
    guess = source.reader.guess
    words = f"the bytes look like {guess}; " if guess else ""
    return f"{words}{conversion(guess)}"
