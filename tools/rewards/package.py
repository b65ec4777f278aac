"""Package a reward file for Lambda so that the same file always gives the same bytes."""

import base64
import io
import zipfile

from pydantic import JsonValue

MEMBER = "lambda_function.py"
HANDLER = "lambda_function.lambda_handler"
RUNTIME = "python3.12"
TIMEOUT_S = 300
MEMORY_MB = 512
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first time a zip archive can hold."""


def zip_of(code: bytes) -> bytes:
    """Return a zip archive with the one file, stored without compression: bytes depend on the file alone."""
    entry = zipfile.ZipInfo(MEMBER, EARLIEST)
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(entry, code)
    return buffer.getvalue()


def as_json(data: bytes) -> JsonValue:
    """Return bytes in the form plans hold them."""
    return {"$base64": base64.b64encode(data).decode("ascii")}
