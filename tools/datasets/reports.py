"""Findings about a source as such: what could not be read, and what was assumed."""

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.columns import Mapping, shown
from novaforge.tools.datasets.encoding import conversion
from novaforge.tools.datasets.rows import NOT_UTF8
from novaforge.tools.datasets.source import Source
from novaforge.tools.datasets.tally import Rejects


def reject_findings(source: Source, rejects: Rejects) -> list[Finding]:
    """Return one finding per reason for which rows were left out."""
    found: list[Finding] = []
    for reason in rejects.reasons:
        seen = rejects.where(reason)
        fix = _encoding_fix(source) if reason == NOT_UTF8 else "correct the source, or leave them out"
        message = f"rows left out: {reason} ({seen.where()})"
        line = seen.lines[0] if seen.lines else None
        found.append(
            Finding(rule="source-rows", severity="warn", message=message, fix=fix, line=line, count=seen.count)
        )
    return found


def mapping_findings(source: Source, mapping: Mapping) -> list[Finding]:
    """Return what was assumed about the columns, and which columns are not used."""
    if mapping.given:
        return []
    pairs = ", ".join(f"{name} from {shown([column])}" for name, column in mapping.columns.items())
    unused = [column for column in source.columns or [] if column not in mapping.columns.values()]
    rest = f"; not used: {shown(unused)}" if unused else ""
    message = f"columns were chosen by their names: {pairs}{rest}"
    return [Finding(rule="source-mapping", severity="info", message=message, fix="give columns to choose others")]


def _encoding_fix(source: Source) -> str:
    guess = source.reader.guess
    words = f"the bytes look like {guess}; " if guess else ""
    return f"{words}{conversion(guess)}"
