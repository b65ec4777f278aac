"""Lambda functions that really run: their code kept by its hash, each invocation a process with limits."""

import base64
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.children import Child
from novaforge.server.sandbox.logs import LogStream
from novaforge.server.sandbox.settings import ACCESS_KEY, REGION, SECRET_KEY
from novaforge.server.sandbox.wire import AwsFault

RUNNER = Path(__file__).with_name("lambda_runner.py")
UNPACKED_BYTES = 250 * 1024 * 1024
"""Lambda's limit for an unpacked deployment package."""
TAIL_BYTES = 4096

_slots = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))
"""Invocations running at once in this process; more would only slow each other down."""


@dataclass(frozen=True)
class Outcome:
    """What an invocation gave: its payload, whether it is an error, and its log."""

    payload: bytes
    failed: bool
    log: str


def store(account: Account, package: bytes) -> None:
    """Keep a deployment package unpacked under its SHA-256; raises AwsFault when it is not a sound zip file."""
    target = _folder(account, hashlib.sha256(package).hexdigest())
    if target.is_dir():
        return
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            if sum(member.file_size for member in archive.infolist()) > UNPACKED_BYTES:
                raise AwsFault(
                    "InvalidParameterValueException", f"Unzipped size must be smaller than {UNPACKED_BYTES} bytes"
                )
            staging = Path(tempfile.mkdtemp(dir=_made(target.parent)))
            archive.extractall(staging)  # zipfile drops absolute paths and parent steps
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        message = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise AwsFault("InvalidParameterValueException", message) from error
    staging.replace(target)


def invoke(account: Account, configuration: dict[str, Any], payload: bytes, request_id: str) -> Outcome:
    """Run a function once and return its outcome; its log also goes to CloudWatch."""
    invocation = _Invocation(account, configuration, request_id)
    with _slots:
        return invocation.run(payload)


class _Invocation:
    """One run of a function in a folder of its own."""

    def __init__(self, account: Account, configuration: dict[str, Any], request_id: str) -> None:
        self._account, self._configuration, self._request_id = account, configuration, request_id
        self._name = str(configuration["FunctionName"])
        self._timeout = min(float(configuration.get("Timeout", 3)), account.settings.lambda_timeout_cap_s)
        self._memory = int(configuration.get("MemorySize", 128))
        day = datetime.now(UTC).strftime("%Y/%m/%d")
        self._stream = f"{day}/[{configuration.get('Version', '$LATEST')}]{uuid.uuid4().hex}"
        self._lines: list[str] = []

    def run(self, payload: bytes) -> Outcome:
        """Run it; the folder is gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=_made(self._account.life_folder / "invocations")))
        try:
            started = time.monotonic()
            self._lines.append(f"START RequestId: {self._request_id} Version: {self._configuration.get('Version')}")
            code = self._carry_out(folder, payload)
            took = (time.monotonic() - started) * 1000
            outcome = self._outcome(folder, code)
            self._lines.append(f"END RequestId: {self._request_id}")
            self._lines.append(
                f"REPORT RequestId: {self._request_id}\tDuration: {took:.2f} ms\tBilled Duration: {int(took) + 1} ms"
                f"\tMemory Size: {self._memory} MB"
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with LogStream(self._account.moto, f"/aws/lambda/{self._name}", self._stream) as log:
            for line in self._lines:
                log.write(line)
        return Outcome(outcome[0], outcome[1], "\n".join(self._lines) + "\n")

    def _carry_out(self, folder: Path, payload: bytes) -> int | None:
        """Return the exit status, None after the timeout."""
        (folder / "event.json").write_bytes(payload)
        (folder / "spec.json").write_text(json.dumps(self._spec(folder)), encoding="utf-8")
        (folder / "tmp").mkdir()
        command = [sys.executable, "-I", "-S", str(RUNNER), str(folder / "spec.json")]
        errors = folder / "stderr.log"
        with self._account.children.start(command, folder / "tmp", self._environment(folder), errors) as child:
            reader = threading.Thread(target=self._read, args=(child,), daemon=True)
            reader.start()
            code = child.wait(self._timeout)
            child.kill()
            reader.join()
        self._lines += errors.read_text(encoding="utf-8", errors="replace").splitlines()
        return code

    def _read(self, child: Child) -> None:
        self._lines.extend(child.lines())

    def _spec(self, folder: Path) -> dict[str, Any]:
        sha = _hex(self._configuration["CodeSha256"])
        return {
            "event": str(folder / "event.json"),
            "outcome": str(folder / "outcome.json"),
            "code": str(_folder(self._account, sha)),
            "packages": str(Path(boto3.__file__).parents[1]),
            "handler": self._configuration["Handler"],
            "memory_mb": self._memory,
            "timeout_s": self._timeout,
            "function_name": self._name,
            "version": self._configuration.get("Version", "$LATEST"),
            "arn": self._configuration["FunctionArn"],
            "request_id": self._request_id,
            "log_group": f"/aws/lambda/{self._name}",
            "log_stream": self._stream,
        }

    def _environment(self, folder: Path) -> dict[str, str]:
        return {
            **self._configuration.get("Environment", {}).get("Variables", {}),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(folder / "tmp"),
            "TMPDIR": str(folder / "tmp"),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": self._account.url,
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._memory),
            "AWS_LAMBDA_FUNCTION_VERSION": str(self._configuration.get("Version", "$LATEST")),
            "LAMBDA_TASK_ROOT": str(_folder(self._account, _hex(self._configuration["CodeSha256"]))),
            "_HANDLER": str(self._configuration["Handler"]),
        }

    def _outcome(self, folder: Path, code: int | None) -> tuple[bytes, bool]:
        if code is None:
            return self._runtime_error("Sandbox.Timedout", f"Error: Task timed out after {self._timeout:.2f} seconds")
        try:
            told = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            ended = f"with error: exit status {code}" if code else "without providing a reason"
            return self._runtime_error("Runtime.ExitError", f"Error: Runtime exited {ended}")
        if "out_of_memory" in told:
            return self._runtime_error("Runtime.ExitError", "Error: Runtime exited with error: signal: killed")
        if "error" in told:
            return json.dumps(told["error"], ensure_ascii=False).encode(), True
        return str(told["payload"]).encode(), False

    def _runtime_error(self, kind: str, message: str) -> tuple[bytes, bool]:
        self._lines.append(f"{self._request_id} {message}")
        text = {"errorType": kind, "errorMessage": f"RequestId: {self._request_id} {message}"}
        return json.dumps(text).encode(), True


def _hex(code_sha256: str) -> str:
    return base64.b64decode(code_sha256).hex()


def _folder(account: Account, sha: str) -> Path:
    return account.life_folder / "functions" / sha


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
