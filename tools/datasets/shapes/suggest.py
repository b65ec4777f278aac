"""Propose method, model and columns for a source, and the call that goes on from there."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from novaforge.guards.errors import NovaForgeError
from novaforge.guards.values import JsonObject
from novaforge.tools.arguments import Columns
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext
from novaforge.tools.datasets.chats.table import media_column
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.next_steps import SANDBOX_BUCKET, quoted, validate_call
from novaforge.tools.datasets.reading.evaluated import is_evaluation
from novaforge.tools.datasets.reading.source import Source
from novaforge.tools.datasets.rows import JsonRow
from novaforge.tools.datasets.shapes.columns import display, normalise, propose, resolve
from novaforge.tools.datasets.shapes.evidence import lacks_version
from novaforge.tools.datasets.shapes.recognise import TARGETS, Recognition

_MODELS = {"DPO_LORA": "nova_lite"}
_PLATFORMS = {"rft_multiturn": "hyperpod", "rft_flat": "serverless", "prompts": "hyperpod"}
_STEM_CHARS = 40
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_READY = ("converse", "rft", "gen_qa", "dpo", "llm_judge", "rft_multiturn", "rft_flat")
"""Shapes whose rows need no conversion for their first method."""


@dataclass(frozen=True)
class Suggestion:
    """What to do with a source; without a method somebody has to say which columns are meant."""

    method: str | None
    model: str
    columns: Columns
    platform: str | None = None
    task: str | None = None
    given: bool = False
    """Whether the caller named the columns."""
    ready: bool = False

    @property
    def format(self) -> RowFormat | None:
        """The row format of the suggestion, or None."""
        return row_format(self.method, self.model, self.platform, self.task) if self.method else None

    def view(self) -> JsonObject:
        """Return the suggestion as it is shown; empty when nothing can be done with the source."""
        if self.method is None and not self.model:
            return {}
        shown: JsonObject = {
            "method": self.method,
            "columns": {name: display(column) for name, column in self.columns.items()},
        }
        more = {"model": self.model if self.method else None, "platform": self.platform, "task": self.task}
        return shown | {name: value for name, value in more.items() if value}


def suggest(source: Source, found: Recognition, records: Sequence[JsonRow], columns: Columns | None) -> Suggestion:
    """Return what a source is best used for; raises InputError for columns that it does not have."""
    present = source.columns or list(dict.fromkeys(key for record in records for key in record))
    if columns:
        mapping = resolve(normalise(columns), present, f"in {source.uri}")
        return _for_table(mapping, records, given=True)
    if found.shape == "table":
        media = media_column(records)
        texts = propose([name for name in present if name != media])
        return _for_table({**texts, "images": media} if media and len(texts) > 1 else texts, records)
    targets = TARGETS[found.shape]
    if not targets:
        return Suggestion(None, "", {})
    method = targets[0]
    platform = _PLATFORMS.get(found.shape)
    task = "llm_judge" if found.shape in ("llm_judge", "evaluation_output") else None
    ready = found.shape in _READY or (found.shape == "text" and "text" in found.keys)
    ready = ready and not lacks_version(found.shape, records)
    if found.shape == "rft_flat" and any(not isinstance(record.get("prompt"), str) for record in records):
        lists = any(isinstance(record.get("prompt"), list) for record in records)
        # Serverless reads prompts of text only.
        platform, ready = ("hyperpod", False) if lists else (platform, ready)
    # What is in other files than JSON Lines becomes rows first, whatever it means.
    return Suggestion(
        method, _MODELS.get(method, "nova_lite_2"), {}, platform, task, ready=ready and source.format == "jsonl"
    )


def _for_table(columns: Columns, records: Sequence[JsonRow], *, given: bool = False) -> Suggestion:
    answer = columns.get("response", "")
    # Only RFT takes an object as the wanted answer.
    objects = any(isinstance(record.get(answer), dict) for record in records)
    if "text" in columns and "query" not in columns:
        return Suggestion("CPT", "nova_lite_2", columns, given=given)
    if {"chosen", "rejected"} <= columns.keys():
        return Suggestion("DPO_LORA", "nova_lite", columns, given=given)
    complete = {"query", "response"} <= columns.keys()
    method = ("RFT_LORA" if objects else "SFT_LORA") if complete else None
    return Suggestion(method, "nova_lite_2", _usable(columns, method), given=given)


def _usable(columns: Columns, method: str | None) -> Columns:
    """Leave out what the method's rows have no place for."""
    if method is None:
        return columns
    fields = row_format(method, "nova_lite_2").fields
    return {name: column for name, column in columns.items() if name in fields}


def next_call(ctx: ToolContext, source: Source, shape: str, suggestion: Suggestion, *, media: bool = False) -> str:
    """Return the call that goes on with a source; it works as it stands wherever nothing has to be decided first.

    Rows with media can be written to S3 only.
    """
    uri = quoted(source.uri)
    if suggestion.method is None:
        if not suggestion.model:
            return "Convert the rows to a table or chats, and inspect again."
        return f'Say which columns to use, by these names: inspect_dataset(source={uri}, columns={{"query": "<column>", "response": "<column>"}})'
    more = "".join(
        f', {name}="{value}"'
        for name, value in (("platform", suggestion.platform), ("task", suggestion.task))
        if value is not None
    )
    what = f'method="{suggestion.method}", model="{suggestion.model}"{more}'
    if suggestion.ready and not suggestion.given:
        return validate_call(source.uri, suggestion.method, suggestion.model, suggestion.platform, suggestion.task)
    if shape == "evaluation_output":
        return f'transform_dataset(source={uri}, target={_target(ctx, source, "pairs")}, {what}, pair_with="<the other evaluation\'s job id or inference_output.jsonl>")'
    if suggestion.given:
        # As they are shown: a name from the file may hold anything.
        shown = {name: display(column) for name, column in suggestion.columns.items()}
        what += f", columns={json.dumps(shown, ensure_ascii=False)}"
    if (media or "images" in suggestion.columns) and not is_s3(source.uri):
        bucket = SANDBOX_BUCKET if ctx.mode.sandbox else "<bucket>"
        target = quoted(f"s3://{bucket}/{_stem(PurePosixPath(source.uri).name)}-{suggestion.method.lower()}")
        return f"transform_dataset(source={uri}, target={target}, {what})"
    return f"transform_dataset(source={uri}, target={_target(ctx, source, suggestion.method.lower())}, {what})"


def _target(ctx: ToolContext, source: Source, name: str) -> str:
    """Return a new folder beside the source; below the first allowed one for a source that is neither file nor S3."""
    uri = source.uri
    wild = min((uri.find(mark) for mark in "*?[" if mark in uri), default=len(uri))
    base = uri[:wild].rsplit("/", 1)[0] if wild < len(uri) else uri.rstrip("/")
    if is_s3(uri):
        parent, _, stem = base.rpartition("/")
        folder = f"{parent if parent != 's3:/' else base}/{_stem(stem)}-{name}"
        return quoted(_free(ctx, folder))
    if "://" in uri or is_evaluation(ctx, uri):
        stem = _ODD.sub("-", uri.partition("?")[0].rsplit("/", 1)[-1])[:_STEM_CHARS].strip("-") or "rows"
        return quoted(_free(ctx, str(ctx.storage.home / f"{stem}-{name}")))
    path = PurePosixPath(base)
    return json.dumps(_free(ctx, str(path.parent / f"{_stem(path.name)}-{name}")), ensure_ascii=False)


def _stem(name: str) -> str:
    return name.split(".", 1)[0] or name or "data"


def _free(ctx: ToolContext, folder: str) -> str:
    """Return the folder, with a number when there is one of this name already."""
    for number in range(1, 100):
        name = folder if number == 1 else f"{folder}-{number}"
        try:
            taken = bool(ctx.storage.list(f"{name}/", limit=1)) if is_s3(name) else ctx.storage.local(name).exists()
        except NovaForgeError:
            return name
        if not taken:
            return name
    return folder
