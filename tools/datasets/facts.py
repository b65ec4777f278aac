"""What a plan needs to know about its data file, from one pass over it."""

from pydantic import Field

from novaforge.guards.findings import Finding
from novaforge.guards.plan import InputIdentity
from novaforge.guards.values import Frozen
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.validation import COPIES, Extent, form_findings, open_training_file, run_audit


class TrainingFile(Frozen):
    """A file as it was read: identity without role and upload, and what its rows hold.

    labels is rows by answer, empty when the answers are no labels; lengths are characters and estimated tokens of query and
    answer together; reasoning_share is between 0 and 1.
    """

    identity: InputIdentity
    rows: int
    findings: tuple[Finding, ...]
    labels: dict[str, int] = Field(default_factory=dict[str, int])
    lengths: dict[str, int | str] = Field(default_factory=dict[str, int | str])
    reasoning_share: float = 0.0


def training_file(ctx: ToolContext, uri: str, method: str, model: str) -> TrainingFile:
    """Read a training or evaluation file once and return its identity, rows, findings and labels.

    File name, batch size and mixed reasoning are not among the findings: the plan's own rules look at those.
    Raises InputError when it cannot be read, RefusedError for a combination without a format.
    """
    wanted = row_format(method, model)
    with open_training_file(ctx, uri, "data") as source:
        audit, wrong_shape = run_audit(ctx, source, wanted, Extent(COPIES, media=False), Heartbeat(ctx, source))
        identity = source.identity(audit.rows)
        findings = (*form_findings(source), *wrong_shape, *audit.row_findings(), *audit.file_findings())
    return TrainingFile(
        identity=identity,
        rows=audit.rows,
        findings=findings,
        labels=audit.labels,
        lengths=audit.lengths,
        reasoning_share=audit.reasoning_share,
    )
