"""What a training or evaluation file has to be called."""

import re
from pathlib import PurePosixPath

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.checks.tally import rule_finding
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.rules import JUDGE_FILE

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""The characters AWS's data page allows in file names, slashes apart (source D12)."""


def name_findings(uri: str, row_format: RowFormat) -> list[Finding]:
    """Return what is wrong with a file's name; a local file may still be uploaded under another one."""
    path = PurePosixPath(uri)
    local = not uri.startswith("s3://")
    if path.suffix != ".jsonl":
        return [_finding("DA1-name")]
    found = [] if _NAME.fullmatch(path.name) else [_finding("DA1-file-name", warn=local)]
    if row_format.file_name and path.name != row_format.file_name:
        rule = "DA1-judge-name" if row_format.file_name == JUDGE_FILE else "DA1-gen-qa-name"
        found.append(_finding(rule, warn=local))
    return found


def _finding(rule_id: str, *, warn: bool = False) -> Finding:
    found = rule_finding(rule_id)
    return found.model_copy(update={"severity": "warn"}) if warn else found
