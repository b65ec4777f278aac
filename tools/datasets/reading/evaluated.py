"""The answers of an evaluation as a source that is named by the job: the rows file inside its output archive."""

import os
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO

from novaforge.guards.errors import InputError
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import ToolContext

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")


def is_evaluation(ctx: ToolContext, uri: str) -> bool:
    """Tell the id of an evaluation job from the name of a file."""
    if not _JOB_ID.fullmatch(uri) or Path(uri).exists():
        return False
    job = ctx.ledger.job(uri)
    return job is not None and job.kind == "evaluation"


def evaluation_rows(ctx: ToolContext, job_id: str, argument: str) -> tuple[ToolContext, str]:
    """Return the path of a completed evaluation's rows in the user's cache folder, and a context that may read it.

    Raises InputError while the evaluation has not completed or when it left no rows.
    """
    from novaforge.tools.evaluation.archive import damaged, find_pieces, named_damage
    from novaforge.tools.jobs.artifacts import archive_of

    try:
        archive = archive_of(ctx, job_id)
        rows = archive.path.with_name(f"{archive.path.name.removesuffix('.tar.gz')}.jsonl")
        if not rows.exists():
            with named_damage("inference_output.jsonl"):
                inside = find_pieces(archive.names()).rows
                if inside is None:
                    raise damaged("inference_output.jsonl", "it is not under any eval_results folder")
                with archive.open(inside) as stream:
                    _write(stream, rows)
    except InputError as error:
        raise InputError(error.message, field=argument, value=job_id, fix=error.fix) from error
    return replace(ctx, storage=Storage(ctx.aws, (rows.parent,))), str(rows)


def _write(stream: IO[bytes], path: Path) -> None:
    """Write beside the final name and rename, so that half the rows are never taken for all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(stream, file)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
