"""Where a transform may write."""

from pathlib import Path

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.context import ToolContext


def check_target(ctx: ToolContext, target: str) -> None:
    """Raise when the target may not be written: outside the roots or the policy's prefixes, or AWS is read-only."""
    if not target.strip() or target.strip() != target:
        raise InputError(
            "target is blank or has blanks around it.", field="target", value=target, fix="give a folder or prefix"
        )
    if is_s3(target):
        _check_s3(ctx, target)
    else:
        _check_local(ctx, target)


def _check_local(ctx: ToolContext, target: str) -> None:
    folder = ctx.storage.local(target)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{target} is a file.", field="target", value=target, fix="give a folder")
    prefixes = [str(ctx.storage.local(prefix)) for prefix in ctx.policy.write_prefixes if not is_s3(prefix)]
    _refuse_outside(str(folder), prefixes, target)
    if not _holds_staging(ctx, folder, prefixes):
        raise InputError(
            f"{target} is the outermost folder this server may write.",
            field="target",
            value=target,
            fix=f"give a folder in it, such as {folder / 'data'}",
        )


def _holds_staging(ctx: ToolContext, folder: Path, prefixes: list[str]) -> bool:
    """Tell whether the folder above may hold the hidden one that becomes the target."""
    try:
        ctx.storage.local(str(folder.parent))
    except InputError:
        return False
    return str(folder) not in prefixes


def _check_s3(ctx: ToolContext, target: str) -> None:
    bucket, _ = split_s3(target)
    if not ctx.mode.writes_allowed:
        raise RefusedError(
            f"{target} is in S3 and this server does not write to AWS.",
            rule="read-only",
            fix="give a local target, or start the server with --allow-write",
        )
    if ctx.policy.buckets and bucket not in ctx.policy.buckets:
        allowed = ", ".join(ctx.policy.buckets)
        raise RefusedError(
            f"The policy does not allow bucket {bucket}.", rule="POL-bucket", fix=f"use one of: {allowed}"
        )
    _refuse_outside(target, [prefix for prefix in ctx.policy.write_prefixes if is_s3(prefix)], target)
    if ctx.policy.write_prefixes and not any(is_s3(prefix) for prefix in ctx.policy.write_prefixes):
        raise RefusedError(
            f"The policy does not allow writing to {target}.", rule="POL-prefix", fix="give a local target"
        )


def _refuse_outside(target: str, prefixes: list[str], shown: str) -> None:
    inside = any(f"{target.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/") for prefix in prefixes)
    if prefixes and not inside:
        raise RefusedError(
            f"The policy does not allow writing to {shown}.",
            rule="POL-prefix",
            fix=f"write below one of: {', '.join(prefixes)}",
        )
