"""Datasets as the Hugging Face library saves them in a folder: Arrow files in an order, and splits."""

from typing import NamedTuple

import orjson

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.aws.storage import is_s3
from novaforge.tools.context import ToolContext

_STATE, _SPLITS = "state.json", "dataset_dict.json"


class Saved(NamedTuple):
    """The Arrow files of one split, in order, below a folder that ends with a slash."""

    folder: str
    names: list[str]
    note: Finding


def saved_dataset(ctx: ToolContext, uri: str, argument: str) -> Saved | None:
    """Return the files of a saved dataset, or of the split named behind a hash sign; None for any other URI.

    Raises InputError when there are several splits and none is named, or not that one.
    """
    base, _, split = uri.partition("#") if "#" in uri and not _exists(ctx, uri) else (uri, "", "")
    folder = f"{base.rstrip('/')}/"
    if not is_s3(base) and not ctx.storage.local(base).is_dir():
        return None
    if _exists(ctx, f"{folder}{_SPLITS}"):
        split = _chosen(ctx, folder, split, argument)
        folder = f"{folder}{split}/"
    if not _exists(ctx, f"{folder}{_STATE}"):
        return None
    state = _read(ctx, f"{folder}{_STATE}", argument)
    files = state.get("_data_files")
    names = [str(file["filename"]) for file in files if "filename" in file] if isinstance(files, list) else []
    if not names or any("/" in name or name.startswith(".") for name in names):
        message = f"{folder}{_STATE} names no Arrow files."
        raise InputError(message, field=argument, value=uri, fix="save the dataset again with save_to_disk")
    said = f", split {one_line(split, 40)!r}" if split else ""
    note = Finding(rule="source-saved", severity="info", message=f"a dataset saved by Hugging Face datasets{said}")
    return Saved(folder, names, note)


def _chosen(ctx: ToolContext, folder: str, split: str, argument: str) -> str:
    listed = _read(ctx, f"{folder}{_SPLITS}", argument).get("splits")
    names = [name for name in listed if isinstance(name, str) and "/" not in name] if isinstance(listed, list) else []
    if split in names:
        return split
    if not split and len(names) == 1:
        return names[0]
    shown = ", ".join(one_line(name, 40) for name in names[:20])
    wrong = f"there is no {one_line(split, 40)}" if split else "none is named"
    message = f"{folder} holds the splits {shown}; {wrong}."
    raise InputError(message, field=argument, value=folder, fix=f"write {folder.rstrip('/')}#SPLIT")


def _exists(ctx: ToolContext, uri: str) -> bool:
    return "*" not in uri and ctx.storage.exists(uri)


def _read(ctx: ToolContext, uri: str, argument: str) -> dict[str, object]:
    try:
        value = orjson.loads(ctx.storage.read(uri, 16 * 1024 * 1024))
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        fix = "save the dataset again with save_to_disk"
        raise InputError(f"{uri} is not the JSON object it has to be.", field=argument, value=uri, fix=fix)
    return value
