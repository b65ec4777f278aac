"""The manifest of a transform: everything needed to know, check and repeat it."""

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from novaforge.guards.values import JsonObject
from novaforge.tools.datasets.output.outputs import OutputFile

SCHEMA = "novaforge.dataset/1"
FILE = "manifest.json"
_PACKAGE = "novaforge-mcp"


def tool_version() -> str:
    """Return the version of the installed package, or 0+source when it runs from a source tree."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return "0+source"


def file_entry(file: OutputFile) -> JsonObject:
    """Return one written file for the manifest, its name relative to the manifest."""
    file.flush()
    return {"role": file.role, "name": file.name, "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}


def render(body: JsonObject, files: Sequence[OutputFile]) -> bytes:
    """Return the manifest as indented JSON."""
    document = {
        "schema": SCHEMA,
        "tool": {"name": _PACKAGE, "version": tool_version()},
        **body,
        "files": [file_entry(file) for file in files],
    }
    # Paths may hold bytes that are no text; as JSON escapes they survive. A seed may be larger than 64 bits.
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
