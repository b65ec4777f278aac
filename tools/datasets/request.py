"""What a caller of a transform asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from novaforge.tools.arguments import Columns


@dataclass(frozen=True)
class Request:
    """The arguments of one transform."""

    source: str
    target: str
    method: str
    model: str
    columns: Columns | None = None
    system_prompt: str | None = None
    split: Mapping[str, float] | None = None
    seed: int = 42
    stratify_by: str | None = None
    filters: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    platform: str | None = None
    group_by: str | None = None
    task: str | None = None
    pair_with: str | None = None
