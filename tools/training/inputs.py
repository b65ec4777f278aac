"""The files a job reads: looked at once, and uploaded by the apply when they are local."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from novaforge.guards.plan import InputIdentity, UploadStep
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.facts import TrainingFile, training_file

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
    def target(self) -> JsonObject:
        """What the plan's precondition reads again."""
        return {"uri": self.given}


def look_at_input(
    ctx: ToolContext, uri: str, *, role: str, method: str, model: str, prefix: str, upload_as: str | None = None
) -> JobInput:
    """Return a file with its facts; a local one gets an upload below `prefix`. Raises InputError when it is missing."""
    seen = training_file(ctx, uri, method, model)
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
