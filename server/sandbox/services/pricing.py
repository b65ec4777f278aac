"""The Price List API, answering from the catalog's dated snapshot."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.wire import AwsFault, Call
from novaforge.tools.catalog.data import load

Answer = dict[str, Any]
COMPONENTS = ("Training", "Hosting")
PAGE = 100


def get_products(account: Account, call: Call) -> Answer:
    """GetProducts of AmazonSageMaker; every filter is honoured."""
    request = call.json()
    if request["ServiceCode"] != "AmazonSageMaker":
        raise AwsFault("NotFoundException", "The sandbox has the price list of AmazonSageMaker only.")
    kept = [item for item in _products() if all(_fits(item, rule) for rule in request.get("Filters", []))]
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise AwsFault("InvalidNextTokenException", "The pagination token is not valid.")
    start, size = int(token), int(request.get("MaxResults", PAGE))
    answer: Answer = {
        "FormatVersion": "aws_v1",
        "PriceList": [json.dumps(item) for item in kept[start : start + size]],
    }
    return answer | ({"NextToken": str(start + size)} if start + size < len(kept) else {})


def _products() -> list[Answer]:
    table = load("prices.json")
    return [
        _product(region, instance, price, component, table["sources"][region]["as_of"])
        for region, rows in table["usd_per_hour"].items()
        for instance, price in rows.items()
        for component in COMPONENTS
    ]


def _product(region: str, instance: str, price: str, component: str, since: str) -> Answer:
    sku = hashlib.sha256(f"{region} {instance} {component}".encode()).hexdigest()[:16].upper()
    rate_code = f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "unit": "Hrs",
        "description": f"${price} per {component} {instance} hour in {region}",
        "rateCode": rate_code,
        "beginRange": "0",
        "endRange": "Inf",
        "appliesTo": [],
        "pricePerUnit": {"USD": price},
    }
    term = {
        "sku": sku,
        "offerTermCode": "JRTCKXETXF",
        "effectiveDate": f"{since}T00:00:00Z",
        "termAttributes": {},
        "priceDimensions": {rate_code: dimension},
    }
    attributes = {
        "servicecode": "AmazonSageMaker",
        "regionCode": region,
        "instanceName": instance,
        "instanceType": f"{instance}-{component}",
        "platoinstancetype": component,
        "platoinstancename": instance,
        "component": component,
        "currentGeneration": "Yes",
    }
    return {
        "product": {"sku": sku, "productFamily": "ML Instance", "attributes": attributes},
        "serviceCode": "AmazonSageMaker",
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
        "version": since.replace("-", ""),
        "publicationDate": f"{since}T00:00:00Z",
    }


def _fits(item: Answer, rule: Answer) -> bool:
    """Apply one filter; a field no product has matches nothing, as with AWS."""
    product = item["product"]
    value: str | None = product["attributes"].get(rule["Field"])
    if rule["Field"] == "productFamily":
        value = product["productFamily"]
    if value is None:
        return False
    wanted, kind = str(rule["Value"]), str(rule["Type"])
    if kind == "CONTAINS":
        return wanted.lower() in value.lower()
    if kind in {"ANY_OF", "NONE_OF"}:
        return (value in wanted.split(",")) == (kind == "ANY_OF")
    return value == wanted


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {"GetProducts": get_products}
