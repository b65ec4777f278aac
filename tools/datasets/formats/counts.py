"""What the number of rows has to be, for each method, model and platform."""

from collections.abc import Mapping

from novaforge.guards.findings import Finding
from novaforge.tools.datasets.checks.tally import rule_finding
from novaforge.tools.datasets.formats.base import RowFormat

BEDROCK_MAX = 20_000
BEDROCK_MIN = {"nova_micro": 8, "nova_lite": 8, "nova_pro": 8}
"""Fewest rows of a Bedrock customization of Nova 1 (source K)."""
BEDROCK_MIN_SFT_2 = 200
BEDROCK_MIN_RFT_2 = 100
SFT_ROWS = (200, 1_000)
RFT_ROWS = (100, 200)
DPO_PAIRS = 1_000

SMALLEST_BATCH = {"SFT": 16, "DPO": 16, "CPT": 32, "RFT": 16}
"""Smallest global batch size the recipes allow, by the beginning of the method's name (sources R, T)."""
SMALLEST_BATCH_SFT_2 = 32
LONGEST_SFT = 32_768
LONGEST_CPT = 8_192
"""Longest rows in tokens: the guide's text for SFT (source D1), the recipes for CPT (source R)."""


def count_findings(
    row_format: RowFormat, model: str, platform: str | None, method: str, rows: int, parts: Mapping[str, int]
) -> list[Finding]:
    """Return what is wrong with the number of rows, apart from the batch; `parts` is rows by optional part."""
    if platform == "bedrock":
        bounds = _bedrock(model, method, rows)
        if bounds:
            return bounds
    if method.startswith("SFT") and rows < SFT_ROWS[1]:
        return [_finding("DA6" if rows < SFT_ROWS[0] else "DA6-typical", rows)]
    if method.startswith("DPO") and rows < DPO_PAIRS:
        return [_finding("DA6-pairs", rows)]
    if row_format.name == "rft" and rows < RFT_ROWS[0]:
        return [_finding("DA7-few", rows)]
    if method.startswith("RFT") and row_format.name == "rft" and rows > RFT_ROWS[1]:
        return [_finding("DA7-many", rows)]
    return []


def batch_findings(method: str, model: str, platform: str | None, rows: int) -> list[Finding]:
    """Return a finding when the rows fill not even the smallest global batch; Bedrock counts batches in other units."""
    batch = smallest_batch(method, model)
    if not batch or rows >= batch or platform == "bedrock":
        return []
    rule = "BS4" if method.startswith("RFT") else "BS2"
    return [_finding(rule, rows, f"; the smallest batch of {method} for {model} is {batch}")]


def length_findings(method: str, max_length: int | None) -> list[Finding]:
    """Return a finding when a training's length in tokens is beyond what AWS supports; the platforms do not differ."""
    if max_length is None:
        return []
    if method == "CPT":
        return [rule_finding("SL1-cpt", None, f"it is {max_length}")] if max_length > LONGEST_CPT else []
    too_long = method.startswith("SFT") and max_length > LONGEST_SFT
    return [rule_finding("SL1", None, f"it is {max_length}")] if too_long else []


def smallest_batch(method: str, model: str) -> int:
    """Return the smallest global batch size of a method, 0 where there is none."""
    if method.startswith("SFT") and model == "nova_lite_2":
        return SMALLEST_BATCH_SFT_2
    if method.startswith("RFT_MULTITURN"):
        return 0
    return next((batch for name, batch in SMALLEST_BATCH.items() if method.startswith(name)), 0)


def _bedrock(model: str, method: str, rows: int) -> list[Finding]:
    fewest = BEDROCK_MIN.get(model, BEDROCK_MIN_RFT_2 if method.startswith("RFT") else BEDROCK_MIN_SFT_2)
    if rows < fewest:
        doubt = "; a data page of AWS says 8, its validator 200" if fewest == BEDROCK_MIN_SFT_2 else ""
        return [_finding("DA5-few", rows, f", at least {fewest}{doubt}")]
    return [_finding("DA5-many", rows, f", at most {BEDROCK_MAX:,}")] if rows > BEDROCK_MAX else []


def _finding(rule_id: str, rows: int, more: str = "") -> Finding:
    return rule_finding(rule_id, None, f"{'1 row' if rows == 1 else f'{rows} rows'}{more}")
