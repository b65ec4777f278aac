"""Take back what a killed process left half-published."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.values import JsonObject
from novaforge.tools.aws.uploads import abort_upload, abort_uploads, delete_if_ours, etag_if_ours
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.output.journal import SCHEMA, abandoned
from novaforge.tools.datasets.output.places import STAGING_MARK


def recover(ctx: ToolContext, *, remote: bool = True) -> list[str]:
    """Remove what dead processes left and return it; what a living one does is left alone.

    Objects in S3 only with `remote` and on a server that may write; a journal that cannot be settled stays for next time.
    """
    if ctx.work_dir is None:
        return []
    removed: list[str] = []
    for path, steps in abandoned(ctx.work_dir):
        in_s3 = any("bucket" in step for step in steps)
        if in_s3 and not (remote and ctx.mode.writes_allowed):
            continue
        with suppress(NovaForgeError, OSError):
            removed += _settle(ctx, steps)
            path.unlink(missing_ok=True)
    return removed


def _settle(ctx: ToolContext, steps: Sequence[JsonObject]) -> list[str]:
    token = str(steps[0].get("token")) if steps and steps[0].get("schema") == SCHEMA else ""
    if not token:  # not one of ours, or killed before its first line was complete
        return []
    if _published(ctx, steps, token):
        return []
    removed = [path for step in steps if step["step"] == "staging" for path in _remove_staging(step, token)]
    return removed + _remove_objects(ctx, steps, token)


def _published(ctx: ToolContext, steps: Sequence[JsonObject], token: str) -> bool:
    """Tell whether the last object, which says that all are there, was made."""
    last = next((str(step["last"]) for step in steps if step["step"] == "sealed"), "")
    made = [step for step in steps if step["step"] == "object" and f"s3://{step['bucket']}/{step['key']}" == last]
    return bool(made) and etag_if_ours(ctx.aws, str(made[0]["bucket"]), str(made[0]["key"]), token) is not None


def _remove_staging(step: JsonObject, token: str) -> list[str]:
    staging = Path(str(step["path"]))
    removed = []
    if staging.name.endswith(f"{STAGING_MARK}{token}") and staging.is_dir() and not staging.is_symlink():
        shutil.rmtree(staging)
        removed.append(str(staging))
    folders = step["folders"]
    for folder in folders if isinstance(folders, list) else []:
        with suppress(OSError):  # not empty: somebody uses it by now
            Path(str(folder)).rmdir()
            removed.append(str(folder))
    return removed


def _remove_objects(ctx: ToolContext, steps: Sequence[JsonObject], token: str) -> list[str]:
    removed = []
    for step in steps:
        if "bucket" not in step:
            continue
        bucket, key = str(step["bucket"]), str(step["key"])
        if step["step"] == "upload" and isinstance(before := step["before"], list):
            abort_uploads(ctx.aws, bucket, key, keep={str(item) for item in before})
        elif step["step"] == "uploading":
            abort_upload(ctx.aws, bucket, key, str(step["upload_id"]))
        elif step["step"] == "object" and delete_if_ours(ctx.aws, bucket, key, token):
            removed.append(f"s3://{bucket}/{key}")
    return removed
