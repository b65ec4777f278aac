"""One place where AWS is called: lazily made clients, checked requests, translated errors."""

import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from novaforge.guards.errors import ConfigError
from novaforge.guards.plan import Principal
from novaforge.tools.aws.errors import translate
from novaforge.tools.aws.shapes import check_request, refuse_problems

CONNECT_TIMEOUT_S = 5
ATTEMPTS = 4
READ_TIMEOUT_S = 10
"""With its repetitions about the 45 s a tool may take, also when an endpoint accepts calls and never answers."""

RUNS_CODE_TIMEOUT_S = 40
RUNS_CODE = ("lambda", "sagemaker-runtime")
"""Services that run somebody's code before they answer; who calls them keeps a deadline of its own."""


class Aws:
    """AWS as seen from one region and one set of credentials; nothing is imported or contacted before the first call."""

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint: Callable[[], str] | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._region = region
        self._profile = profile
        self._endpoint = endpoint
        self._credentials = credentials
        self._lock = threading.RLock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._principal: Principal | None = None

    @property
    def region(self) -> str:
        """The region in use; raises ConfigError when none is configured."""
        # boto3 reads AWS_DEFAULT_REGION and the profile only; the other SDKs and most clients' configurations say AWS_REGION.
        region = self._region or os.environ.get("AWS_REGION")
        if not region:
            with _translated("configuration"):
                region = self._boto().region_name
        if not region:
            raise ConfigError(
                "No AWS region is configured.", fix="set AWS_REGION in the client's configuration, or pass --region"
            )
        return str(region)

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a boto3 client, made once per service and region; raises ConfigError when AWS is not set up for one."""
        where = region or self.region
        with self._lock:
            if (service, where) not in self._clients:
                with _translated(service):
                    self._clients[service, where] = self._make(service, where)
            return self._clients[service, where]

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        """Call one operation with a request checked against the service model.

        Raises RefusedError when the request breaks the model, AwsError (NotFoundError, ConflictError) when AWS refuses.
        """
        client = self.client(service, region)
        api = client.meta.method_to_api_mapping[operation]
        refuse_problems(check_request(client.meta.service_model, api, request), f"{service}:{api}")
        try:
            response: dict[str, Any] = getattr(client, operation)(**request)
        except Exception as error:
            raise translate(error, f"{service}:{api}") from error
        return response

    def pages(self, service: str, operation: str, key: str, **request: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of every page of a list operation."""
        client = self.client(service)
        api = f"{service}:{operation}"
        try:
            for page in client.get_paginator(operation).paginate(**request):
                yield from page.get(key, [])
        except Exception as error:
            raise translate(error, api) from error

    def principal(self) -> Principal:
        """Return who is calling and where, from sts:GetCallerIdentity, read once."""
        if self._principal is None:
            seen = self.call("sts", "get_caller_identity")
            self._principal = Principal(account=seen["Account"], arn=seen["Arn"], region=self.region)
        return self._principal

    def forget_principal(self) -> None:
        """Read the caller again next time, for the check just before a paid call."""
        self._principal = None

    def _make(self, service: str, region: str) -> Any:
        from botocore.config import Config  # here, not above: heavy, and not needed before the first AWS call

        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=RUNS_CODE_TIMEOUT_S if service in RUNS_CODE else READ_TIMEOUT_S,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "path"} if self._endpoint else {},
            user_agent_extra="novaforge-mcp",
        )
        keys = {}
        if self._credentials:
            keys = {"aws_access_key_id": self._credentials[0], "aws_secret_access_key": self._credentials[1]}
        url = self._endpoint() if self._endpoint else None
        return self._boto().client(service, region_name=region, config=config, endpoint_url=url, **keys)

    def _boto(self) -> Any:
        with self._lock:
            if self._session is None:
                import boto3  # here, not above: heavy, and not needed before the first AWS call

                self._session = boto3.Session(profile_name=self._profile)
            return self._session


@contextmanager
def _translated(operation: str) -> Generator[None]:
    """Turn what botocore raises inside, such as for a profile that does not exist, into the project's error."""
    try:
        yield
    except Exception as error:
        raise translate(error, operation) from error
