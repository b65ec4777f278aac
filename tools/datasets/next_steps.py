"""The calls that go on from data, written so that they work as they stand wherever nobody has to decide first."""

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.catalog.support import SUPPORTED
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.splitting.split import ROLES

SANDBOX_BUCKET = "novaforge-sandbox"
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_PLANNED_TASK = "gen_qa"
"""The task that plan_evaluation takes."""


def quoted(text: str) -> str:
    """Return a text as it is written in a call."""
    return json.dumps(text, ensure_ascii=False)


def validate_call(
    uri: str, method: str, model: str, platform: str | None, task: str | None, against: Sequence[str] = ()
) -> str:
    """Return the call that checks a file, against others where there are some."""
    given = (("platform", platform), ("task", task))
    more = "".join(f', {name}="{value}"' for name, value in given if value)
    others = f", against=[{', '.join(map(quoted, against))}]" if against else ""
    return f'validate_dataset(source={quoted(uri)}, method="{method}", model="{model}"{more}{others})'


def plan_call(ctx: ToolContext, uri: str, row_format: RowFormat) -> str:
    """Return the call that plans the job a valid file is for; says so where no such job can be planned yet."""
    method, model = row_format.method, row_format.model
    platform = _platform(row_format)
    evaluation = method == "EVALUATION"
    tool = "plan_evaluation" if evaluation else "plan_training"
    if not platform or (evaluation and row_format.task not in ("", _PLANNED_TASK)):
        what = f"{method}, task {row_format.task}," if row_format.task else method
        where = f" on {row_format.platform}" if row_format.platform else ""
        return (
            f"The file is ready. {tool} does not work for {what} for {model}{where} yet; list_options() says what does."
        )
    what = f'task="{_PLANNED_TASK}"' if evaluation else f'method="{method}"'
    call = f'{tool}({what}, model="{model}", platform="{platform}", data={quoted(uri)}, output={_output(ctx, uri)}'
    if method.startswith("RFT"):
        return f'{call}, reward="<Lambda>"), once plan_reward or yours has made that Lambda.'
    bucket = "" if is_s3(uri) or ctx.mode.sandbox else " with a bucket of yours"
    return f"{call}){bucket}"


def _platform(row_format: RowFormat) -> str:
    """Return the platform to plan for: the one that was named, else the first that works; empty when none does."""
    wanted = (row_format.model, row_format.method)
    works = [platform for model, method, platform in SUPPORTED if (model, method) == wanted]
    return next((platform for platform in works if row_format.platform in ("", platform)), "")


def _output(ctx: ToolContext, uri: str) -> str:
    folder = PurePosixPath(uri).parent
    # The parts of an evaluation set lie in a folder each, which says nothing of the set.
    named = f"{folder.parent.name}-{folder.name}" if folder.name in ROLES else folder.name
    stem = _ODD.sub("-", named).strip("-") or "data"
    bucket = split_s3(uri)[0] if is_s3(uri) else SANDBOX_BUCKET if ctx.mode.sandbox else "<bucket>"
    return quoted(f"s3://{bucket}/{stem}-output" if bucket != stem else f"s3://{bucket}/output")
