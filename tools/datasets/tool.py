"""The dataset tools: inspect, transform, validate."""

from pydantic import JsonValue

from novaforge.tools.arguments import Columns, DataTask, Method, Model, PlatformName
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.inspection import inspect
from novaforge.tools.datasets.request import Request
from novaforge.tools.datasets.results import InspectResult, TransformResult, ValidateResult
from novaforge.tools.datasets.transform import transform
from novaforge.tools.datasets.validation import validate


def inspect_dataset(
    ctx: ToolContext, *, source: str, columns: Columns | None = None, sample_rows: int = 5
) -> InspectResult:
    """Say what a source holds; raises InputError or RefusedError when it cannot be read."""
    return inspect(ctx, source, columns, sample_rows)


def transform_dataset(
    ctx: ToolContext,
    *,
    source: str,
    target: str,
    method: Method,
    model: Model,
    columns: Columns | None = None,
    system_prompt: str | None = None,
    split: dict[str, float] | None = None,
    seed: int = 42,
    stratify_by: str | None = None,
    filters: dict[str, JsonValue] | None = None,
    platform: PlatformName | None = None,
    group_by: str | None = None,
    task: DataTask | None = None,
    pair_with: str | None = None,
) -> TransformResult:
    """Write a method's files below a fresh target, with a manifest; writes all of them or nothing.

    Raises InputError for a wrong argument or file, RefusedError for a combination, shape or target that is not allowed,
    ConflictError when the target holds anything.
    """
    request = Request(
        source, target, method, model, columns, system_prompt, split, seed, stratify_by, filters or {}, platform,
        group_by, task, pair_with,
    )  # fmt: skip
    return transform(ctx, request)


def validate_dataset(
    ctx: ToolContext,
    *,
    source: str,
    method: Method,
    model: Model,
    platform: PlatformName | None = None,
    against: str | list[str] | None = None,
    task: DataTask | None = None,
    max_length: int | None = None,
) -> ValidateResult:
    """Check a source against every rule of the method; ok is true when nothing blocks."""
    others = [against] if isinstance(against, str) else against or []
    result, _ = validate(ctx, source, row_format(method, model, platform, task), others, max_length)
    return result
