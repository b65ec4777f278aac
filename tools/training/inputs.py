"""The files a job reads: looked at once, and uploaded by the apply when they are local."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from novaforge.guards.plan import InputIdentity, Precondition, UploadStep
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.catalog.support import Combination
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.facts import TrainingFile
from novaforge.tools.datasets.jobs.readings import read_files
from novaforge.tools.platforms.registry import platform_of

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.jsonl")


@dataclass(frozen=True)
class JobInput:
    """One input: what was seen of it, where the job reads it, and the upload that puts it there."""

    role: str
    given: str
    read_from: str
    file: TrainingFile
    upload: UploadStep | None

    @property
    def identity(self) -> InputIdentity:
        """The file exactly as it was seen, for the plan."""
        return self.file.identity.model_copy(
            update={"role": self.role, "upload_to": self.read_from if self.upload else None}
        )

    @property
    def file_name(self) -> str:
        """The name under which the job finds it."""
        return PurePosixPath(self.read_from).name

    @property
    def precondition(self) -> Precondition:
        """That the file stays as it was read, in the terms its storage tells it by again; it is not read a second time now."""
        seen = self.file.identity
        value: JsonObject = {
            "bytes": seen.bytes, "etag": seen.etag, "version_id": seen.version_id,
            "sha256": None if is_s3(self.given) else seen.sha256,
        }  # fmt: skip
        return Precondition(name=f"{self.role} data", kind="object", target={"uri": self.given}, expected=value)


def look_at_inputs(
    ctx: ToolContext,
    combination: Combination,
    given: Mapping[str, str | None],
    output: str,
    *,
    task: str | None = None,
    upload_as: str | None = None,
) -> tuple[JobInput, ...]:
    """Return the files given by role, None for none, with their facts; local ones get an upload below the platform's prefix.

    Raises InputError for a file that cannot be read, RunningError when reading takes longer than a call may.
    """
    tool = "plan_evaluation" if combination.method == "EVALUATION" else "plan_training"
    wanted = {"method": combination.method, "model": combination.model, "platform": combination.platform}
    wanted |= {"task": task} if task else {}
    prefix = platform_of(combination.platform).uploads(output)
    uris = {role: uri for role, uri in given.items() if uri is not None}
    files = read_files(ctx, tool, [*uris.values()], wanted)
    return tuple(
        _input(ctx, role, uri, seen, prefix, upload_as) for (role, uri), seen in zip(uris.items(), files, strict=True)
    )


def _input(ctx: ToolContext, role: str, uri: str, seen: TrainingFile, prefix: str, upload_as: str | None) -> JobInput:
    if is_s3(uri):
        return JobInput(role, uri, uri, seen, None)
    name = PurePosixPath(uri).name
    target = f"{prefix}/{role}/{upload_as or (name if _PLAIN_NAME.fullmatch(name) else f'{role}.jsonl')}"
    path = str(ctx.storage.local(uri))
    upload = UploadStep(
        name=f"upload {role} data",
        uri=target,
        file=path,
        sha256=seen.identity.sha256 or ctx.storage.stat(uri).sha256 or "",
        bytes=seen.identity.bytes,
    )
    return JobInput(role, path, target, seen, upload)
