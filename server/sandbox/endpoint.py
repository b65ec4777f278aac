"""The sandbox as a server on loopback."""

import threading
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from novaforge.server.sandbox.app import App
from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.life import Sandbox
from novaforge.server.sandbox.settings import SandboxSettings

HOST = "127.0.0.1"


class Handler(MotoRequestHandler):  # type: ignore[misc] # moto publishes no types
    """Requests without a line each in the log; errors still have theirs."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Endpoint:
    """One running sandbox: the account, and the HTTP server in front of it."""

    def __init__(self, folder: Path, settings: SandboxSettings, port: int = 0) -> None:
        self.stopping = threading.Event()
        self._server: BaseWSGIServer = make_server(HOST, port, self._not_ready, threaded=True, request_handler=Handler)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self.sandbox = Sandbox(folder, settings, self.url, Moto())
        self._server.app = App(self.sandbox, self.stopping.set)
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoint", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and end everything that runs."""
        self.sandbox.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _not_ready(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return []
