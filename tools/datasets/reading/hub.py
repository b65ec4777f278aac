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
MOST_RETRIES = 3
"""How often the library asks again, with seconds between, when a transfer breaks off; by itself it would for minutes."""
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
            import datasets  # here, not above: an extra, and heavy
        except ImportError as error:
            message = "Datasets of the Hugging Face hub need the extra huggingface, which is not installed."
            raise ConfigError(message, fix="pip install 'novaforge-mcp[huggingface]'") from error
        self._refuse_unreachable()
        _limit_retries(datasets)
        config, revision, split = match["config"], match["revision"], match["split"]
        try:
            found: Any = datasets.load_dataset(
                match["name"], name=config, revision=revision, split=split, streaming=True
            )
        except Exception as error:
            raise self._failed(error) from error
        if not isinstance(found, dict):
            return found
        if len(found) == 1:
            return next(iter(found.values()))
        message = f"{self._uri} has the splits {', '.join(one_line(str(name), 40) for name in list(found)[:20])}."
        raise InputError(message, field=self._argument, value=self._uri, fix=f"write {self._uri}#SPLIT")

    def _refuse_unreachable(self) -> None:
        """Raise ConfigError when the hub does not answer once; the library would try many times before it says so."""
        endpoint, error = unreachable()
        if error is not None:
            message = (
                f"{self._uri} cannot be read: {one_line(endpoint, 200)} cannot be reached ({type(error).__name__})."
            )
            fix = "check the network, the proxy and HF_ENDPOINT; HF_HUB_ETAG_TIMEOUT is how many seconds an answer may take"
            raise ConfigError(message, fix=fix) from error

    def _failed(self, error: Exception) -> InputError:
        message = f"{self._uri} cannot be read from the hub: {type(error).__name__}."
        if is_offline():
            message += " The hub is not asked, because HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set."
        fix = "check the name, the split and the network; a private dataset needs HF_TOKEN"
        return InputError(message, field=self._argument, value=self._uri, fix=fix)


def is_offline() -> bool:
    """Tell whether the environment forbids to ask the hub."""
    from huggingface_hub import constants  # comes with the extra

    return bool(constants.HF_HUB_OFFLINE)


def unreachable() -> tuple[str, Exception | None]:
    """Return the hub's address and why it does not answer; nothing is asked when the environment says offline."""
    from huggingface_hub import constants, get_session  # comes with the extra

    if not is_offline():
        try:
            get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - told to the caller; what the library raises differs by version
            return constants.ENDPOINT, error
    return constants.ENDPOINT, None


def _limit_retries(datasets: Any) -> None:
    for name in ("STREAMING_OPEN_MAX_RETRIES", "STREAMING_READ_MAX_RETRIES"):
        asked = getattr(datasets.config, name, MOST_RETRIES)
        setattr(datasets.config, name, min(asked, MOST_RETRIES))


def _line(row: Any) -> bytes:
    wrong = next((name for name, value in row.items() if unsafe_value(value)), None)
    if wrong is not None:
        return made_reject(NO_JSON_VALUE, f"column {one_line(str(wrong), 60)}")
    try:
        return orjson.dumps(row, default=plain_value)
    except TypeError:
        return made_reject(NO_JSON_VALUE)
