"""Datasets of the Hugging Face hub, row by row as they arrive."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from novaforge.guards.errors import ConfigError, InputError, NovaForgeError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.datasets.reading.arrow_rows import plain_value, unsafe_value
from novaforge.tools.datasets.reading.jsonl_rows import made_reject
from novaforge.tools.datasets.rows import NO_JSON_VALUE

SCHEME = "hf://"
_URI = re.compile(
    r"hf://(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?(?:\?config=(?P<config>[\w.-]+))?(?:#(?P<split>[\w.-]+))?",
    re.ASCII,
)
_FIX = "write hf://OWNER/NAME, with @REVISION, ?config=NAME and #SPLIT where needed"


class HubRows:
    """The rows of one split."""

    format = "huggingface"

    def __init__(self, uri: str, argument: str) -> None:
        match = _URI.fullmatch(uri)
        if match is None:
            raise InputError(f"{one_line(uri, 200)} names no dataset.", field=argument, value=uri, fix=_FIX)
        self._uri = uri
        self._argument = argument
        self._rows = self._open(match)
        self.version = match["revision"] or ""
        self.notes: list[Finding] = []
        if not match["revision"]:
            message = "the newest state of the dataset is read; it may be another one tomorrow"
            self.notes.append(Finding(rule="source-revision", severity="info", message=message, fix="name a @REVISION"))

    def lines(self) -> Iterator[bytes]:
        """Yield one JSON object per row; what JSON cannot hold, such as an image, is a reject."""
        rows = iter(self._rows)
        while True:
            try:
                row = next(rows, None)
            except NovaForgeError:
                raise
            except Exception as error:
                raise self._failed(error) from error
            if row is None:
                return
            yield _line(row)

    def _open(self, match: re.Match[str]) -> Any:
        try:
            from datasets import load_dataset  # here, not above: an extra, and heavy
        except ImportError as error:
            message = "Datasets of the Hugging Face hub need the extra huggingface, which is not installed."
            raise ConfigError(message, fix="pip install 'novaforge-mcp[huggingface]'") from error
        config, revision, split = match["config"], match["revision"], match["split"]
        try:
            found: Any = load_dataset(match["name"], name=config, revision=revision, split=split, streaming=True)
        except Exception as error:
            raise self._failed(error) from error
        if not isinstance(found, dict):
            return found
        if len(found) == 1:
            return next(iter(found.values()))
        message = f"{self._uri} has the splits {', '.join(one_line(str(name), 40) for name in list(found)[:20])}."
        raise InputError(message, field=self._argument, value=self._uri, fix=f"write {self._uri}#SPLIT")

    def _failed(self, error: Exception) -> InputError:
        message = f"{self._uri} cannot be read from the hub: {type(error).__name__}."
        fix = "check the name, the split and the network; a private dataset needs HF_TOKEN"
        return InputError(message, field=self._argument, value=self._uri, fix=fix)


def _line(row: Any) -> bytes:
    wrong = next((name for name, value in row.items() if unsafe_value(value)), None)
    if wrong is not None:
        return made_reject(NO_JSON_VALUE, f"column {one_line(str(wrong), 60)}")
    try:
        return orjson.dumps(row, default=plain_value)
    except TypeError:
        return made_reject(NO_JSON_VALUE)
