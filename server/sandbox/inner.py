"""moto behind our handlers: called for requests that are not ours, and by ourselves without a socket."""

import io
import os
import threading
from collections.abc import Iterable
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from novaforge.server.sandbox.settings import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY

ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
DROPPED_HEADERS = ("server", "access-control-")
"""The server names itself once, and no web page is welcome."""


class Moto:
    """moto as a WSGI application, used by one request at a time since it is not made for threads."""

    def __init__(self) -> None:
        os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would win over the header that names our account
        default_user_config["iam"] = {"load_aws_managed_policies": True}
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self.reset()

    def __call__(
        self, environ: dict[str, Any], account: str = ACCOUNT
    ) -> tuple[int, list[tuple[str, str]], Iterable[bytes]]:
        """Answer one request as (status, headers, body)."""
        environ[ACCOUNT_HEADER] = account
        with self._lock:
            body, status, headers = run_wsgi_app(self._app, environ, buffered=False)
        kept = [(key, value) for key, value in headers if not key.lower().startswith(DROPPED_HEADERS)]
        return int(status.split()[0]), kept, body

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """Return a boto3 client that reaches moto directly: no faults, no log, no socket."""
        with self._lock:
            if (service, account) not in self._clients:
                self._clients[service, account] = self._make(service, account)
            return self._clients[service, account]

    def reset(self) -> None:
        """Forget every account's resources."""
        with self._lock:
            from moto.moto_api._internal.models import moto_api_backend

            moto_api_backend.reset()

    def _make(self, service: str, account: str) -> Any:
        client = boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            endpoint_url="http://127.0.0.1:9",  # never opened: the hook below answers
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

        def answer(request: Any, **_: Any) -> AWSResponse:
            status, headers, body = self(_environ(request), account)
            raw = HTTPResponse(io.BytesIO(b"".join(body)), preload_content=False)
            return AWSResponse(request.url, status, dict(headers), raw)

        client.meta.events.register("before-send.*", answer)
        return client


def _environ(request: Any) -> dict[str, Any]:
    body: Any = request.body or b""
    data = body.read() if hasattr(body, "read") else body
    headers = {key: value.decode() if isinstance(value, bytes) else value for key, value in request.headers.items()}
    path, _, query = request.url.removeprefix("http://127.0.0.1:9").partition("?")
    return EnvironBuilder(
        path or "/", "http://127.0.0.1", query, request.method, headers=headers, data=data
    ).get_environ()
