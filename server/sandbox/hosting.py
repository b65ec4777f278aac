"""Models, endpoint configurations and endpoints; behind each endpoint in service a model server really runs."""

import json
import threading
import traceback
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from novaforge.server.sandbox import channels
from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.children import Child, last_lines, worker_environment
from novaforge.server.sandbox.jobs import JobFailure, now
from novaforge.server.sandbox.logs import LogStream
from novaforge.server.sandbox.settings import ACCOUNT, REGION
from novaforge.server.sandbox.supervisor import worker_facts

WATCH_S = 0.1
PING_FAILED = (
    "The primary container for production variant {variant} did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


@dataclass
class Item:
    """A model or endpoint configuration: what was asked for, and when."""

    request: dict[str, Any]
    arn: str
    created: datetime = field(default_factory=now)


@dataclass
class Endpoint(Item):
    """An endpoint with its state; `port` is that of its model server while in service.

    `settled` is set once it is no longer Creating, `gone` once its model server has ended and its name is free.
    """

    config: dict[str, Any] = field(default_factory=dict[str, Any])
    status: str = "Creating"
    failure: str = ""
    modified: datetime = field(default_factory=now)
    port: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    settled: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The EndpointName."""
        return str(self.request["EndpointName"])

    @property
    def variant(self) -> dict[str, Any]:
        """The first production variant of its configuration."""
        first: dict[str, Any] = self.config["ProductionVariants"][0]
        return first

    def enter(self, status: str, failure: str = "") -> None:
        """Move to a status."""
        self.status, self.failure, self.modified = status, failure[:1024], now()
        self.settled.set()


def arn(kind: str, name: str) -> str:
    """Return the ARN of a hosting resource; SageMaker writes their names in lower case."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"


class Hosting:
    """The hosting side of the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._threads: list[threading.Thread] = []
        self.models: dict[str, Item] = {}
        self.configs: dict[str, Item] = {}
        self.endpoints: dict[str, Endpoint] = {}

    def launch(self, endpoint: Endpoint, model: dict[str, Any]) -> None:
        """Bring an endpoint up in the background."""
        thread = threading.Thread(target=self._run, args=(endpoint, model), name=endpoint.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def instances(self, instance_type: str) -> int:
        """Return how many instances of a type endpoints use."""
        return sum(
            int(variant.get("InitialInstanceCount", 1))
            for endpoint in self.endpoints.values()
            for variant in endpoint.config["ProductionVariants"]
            if variant.get("InstanceType") == instance_type and endpoint.status != "Failed"
        )

    def close(self) -> None:
        """Take every endpoint down."""
        for endpoint in list(self.endpoints.values()):
            endpoint.stop.set()
        for thread in self._threads:
            thread.join(self._account.settings.stop_grace_s)

    def _run(self, endpoint: Endpoint, model: dict[str, Any]) -> None:
        failure = ""
        try:
            endpoint.stop.wait(self._account.settings.waiting_s)
            self._serve(endpoint, model)
        except JobFailure as error:
            failure = str(error)
        except Exception:  # noqa: BLE001 - a thread's last line: whatever it was, the endpoint must not stay Creating
            traceback.print_exc()
            failure = "Request to service failed. If failure persists after retry, contact support."
        # One step under the lock: a deletion sees the endpoint either served, and stops it, or failed, and removes it.
        with self._account.lock:
            if endpoint.stop.is_set():
                self.endpoints.pop(endpoint.name, None)
                endpoint.gone.set()
            else:
                endpoint.enter("Failed", failure)

    def _serve(self, endpoint: Endpoint, model: dict[str, Any]) -> None:
        folder = self._account.life_folder / "endpoints" / f"{endpoint.name}-{uuid.uuid4().hex[:6]}"
        folder.mkdir(parents=True)
        self._prepare(folder, endpoint, model)
        variant = endpoint.variant["VariantName"]
        command = [*self._account.settings.worker_command, "serve", str(folder)]
        errors, stream = folder / "stderr.log", f"{variant}/i-{uuid.uuid4().hex[:17]}"
        with (
            LogStream(self._account.moto, f"/aws/sagemaker/Endpoints/{endpoint.name}", stream) as log,
            self._account.children.start(command, folder, worker_environment(), errors) as child,
        ):
            reader = threading.Thread(target=_relay, args=(child, log), daemon=True)
            reader.start()
            endpoint.port = self._wait_for_port(child, endpoint, folder)
            if endpoint.port is not None:
                endpoint.enter("InService")
            while endpoint.port is not None and not child.ended() and not endpoint.stop.wait(WATCH_S):
                pass
            endpoint.port = None
            child.kill()
            reader.join()
            for line in [] if endpoint.stop.is_set() else last_lines(errors):
                log.write(line)
        if not endpoint.stop.is_set():
            raise JobFailure(PING_FAILED.format(variant=variant))

    def _prepare(self, folder: Path, endpoint: Endpoint, model: dict[str, Any]) -> None:
        location = data_location(model)
        if location:
            channels.copy_model_data(self._account.moto, self._account.escrow, location, folder / "base")
        environment = model.get("PrimaryContainer", {}).get("Environment", {})
        facts = worker_facts(self._account, endpoint.name, location or "") | {
            "context_length": _whole(environment, "CONTEXT_LENGTH", 4000),
            "max_concurrency": _whole(environment, "MAX_CONCURRENCY", 1),
            "environment": environment,
        }
        (folder / "worker.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")

    def _wait_for_port(self, child: Child, endpoint: Endpoint, folder: Path) -> int | None:
        told, deadline = folder / "serve.json", self._account.settings.endpoint_start_s
        waited = 0.0
        while waited < deadline and not endpoint.stop.is_set() and child.wait(WATCH_S) is None:
            waited += WATCH_S
            try:
                return int(json.loads(told.read_text(encoding="utf-8"))["port"])
            except (OSError, ValueError, KeyError):
                continue  # not written yet, or just being written
        return None


def data_location(model: dict[str, Any]) -> str | None:
    """Return the S3 URI of a model's data, None for a container without any."""
    container = model.get("PrimaryContainer") or (model.get("Containers") or [{}])[0]
    source: str | None = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    return source or container.get("ModelDataUrl")


def _relay(child: Child, log: LogStream) -> None:
    for line in child.lines():
        log.write(line)


def _whole(environment: dict[str, str], key: str, default: int) -> int:
    text = environment.get(key, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise JobFailure(f"The container refused its environment: {key} must be a positive integer, not {text[:40]!r}.")
    return int(text)
