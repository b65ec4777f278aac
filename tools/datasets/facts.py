"""What a plan needs to know about its data file, from one pass over it."""

from pydantic import Field

from novaforge.guards.findings import Finding
from novaforge.guards.plan import InputIdentity
from novaforge.guards.values import Frozen
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.progress import Heartbeat
from novaforge.tools.datasets.reading.files import SourceFile
from novaforge.tools.datasets.validation import COPIES, Extent, form_findings, open_training_file, run_audit


class TrainingFile(Frozen):
    """A file as it was read: identity without role and upload, and what its rows hold.

    labels is rows by answer, empty when the answers are no labels; lengths are characters and estimated tokens of all
    texts of a row; reasoning_share is between 0 and 1; files are the files behind it in the state they were read in.
    """

    identity: InputIdentity
    rows: int
    findings: tuple[Finding, ...]
    labels: dict[str, int] = Field(default_factory=dict[str, int])
    lengths: dict[str, int | str] = Field(default_factory=dict[str, int | str])
    reasoning_share: float = 0.0
    files: tuple[SourceFile, ...] = ()


def training_file(
    ctx: ToolContext, uri: str, method: str, model: str, platform: str | None = None, task: str | None = None
) -> TrainingFile:
    """Read a training or evaluation file once and return its identity, rows, findings and labels.

    File name, batch size and mixed reasoning are not among the findings: the plan's own rules look at those.
    Raises InputError when it cannot be read, RefusedError for a combination without a format.
    """
    wanted = row_format(method, model, platform, task)
    with open_training_file(ctx, uri, "data") as source:
        heartbeat = Heartbeat(ctx, source)
        audit, wrong_shape = run_audit(ctx, source, wanted, Extent(COPIES, media=False), heartbeat)
        identity = source.identity(audit.rows)
        whole = audit.file_findings(lambda doing: heartbeat.tick(audit.rows, doing))
        findings = (*form_findings(source), *wrong_shape, *audit.row_findings(), *whole)
    return TrainingFile(
        identity=identity,
        rows=audit.rows,
        findings=findings,
        labels=audit.labels,
        lengths=audit.lengths,
        reasoning_share=audit.reasoning_share,
        files=tuple(source.files),
    )
