"""SageMaker's public hub: where recipes are found."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.services import listing
from novaforge.server.sandbox.settings import REGION
from novaforge.server.sandbox.wire import AwsFault, Call
from novaforge.tools.catalog.recipes import HUB_NAME, HUB_VERSION

Answer = dict[str, Any]
HUB_ARN = f"arn:aws:sagemaker:{REGION}:aws:hub/{HUB_NAME}"
PUBLISHED = datetime(2026, 11, 20, tzinfo=UTC)
"""When the catalog data the documents are made from was checked."""


def describe(account: Account, call: Call) -> Answer:
    """DescribeHubContent."""
    request = call.json()
    name, version = request["HubContentName"], request.get("HubContentVersion", HUB_VERSION)
    known = request["HubName"] in {HUB_NAME, HUB_ARN} and request["HubContentType"] == "Model"
    if not known or name not in account.hub_documents or version != HUB_VERSION:
        raise AwsFault(
            "ResourceNotFound", f"HubContent {name} of version {version} does not exist in {request['HubName']}."
        )
    return _entry(name) | {
        "HubName": HUB_NAME,
        "HubArn": HUB_ARN,
        "HubContentDocument": json.dumps(account.hub_documents[name]),
        "LastModifiedTime": PUBLISHED,
    }


def list_contents(account: Account, call: Call) -> Answer:
    """ListHubContents."""
    request = call.json()
    if request["HubName"] not in {HUB_NAME, HUB_ARN}:
        raise AwsFault("ResourceNotFound", f"Hub {request['HubName']} does not exist.")
    rows = [_entry(name) for name in account.hub_documents if request["HubContentType"] == "Model"]
    renamed = request | {"SortBy": "Name"} if request.get("SortBy") == "HubContentName" else request
    return listing.page(renamed, rows, "HubContentSummaries", "HubContentName", "HubContentStatus")


def _entry(name: str) -> Answer:
    return {
        "HubContentName": name,
        "HubContentArn": f"arn:aws:sagemaker:{REGION}:aws:hub-content/{HUB_NAME}/Model/{name}/{HUB_VERSION}",
        "HubContentVersion": HUB_VERSION,
        "HubContentType": "Model",
        "DocumentSchemaVersion": "2.3.0",
        "HubContentDisplayName": name,
        "HubContentStatus": "Available",
        "CreationTime": PUBLISHED,
    }


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {
    "DescribeHubContent": describe,
    "ListHubContents": list_contents,
}
