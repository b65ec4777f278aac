"""Service Quotas of SageMaker: what the sandbox's settings give, zero elsewhere, under AWS's codes where they are known."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from novaforge.server.sandbox.account import Account
from novaforge.server.sandbox.routes import model
from novaforge.server.sandbox.settings import ACCOUNT, REGION
from novaforge.server.sandbox.wire import AwsFault, Call

Answer = dict[str, Any]

KNOWN_CODES = {
    "ml.p5.48xlarge for training job usage": "L-82E1C851",
    "ml.p5.48xlarge for endpoint usage": "L-16AF71F1",
    "ml.g6.48xlarge for endpoint usage": "L-28FEB563",
    "ml.g5.12xlarge for endpoint usage": "L-65C4BD00",
    "ml.p5.4xlarge for training job usage": "L-C2764A80",
}
"""Codes seen in independent repositories; the sandbox makes up the others, so match quotas by name."""

USES = {
    "training job": "TrainingInstanceType",
    "training warm pool": "TrainingInstanceType",
    "endpoint": "ProductionVariantInstanceType",
}
PAGE = 100


def get(account: Account, call: Call) -> Answer:
    """GetServiceQuota."""
    request = call.json()
    _check_service(request)
    for name in _names():
        if _code(name) == request["QuotaCode"]:
            return {"Quota": _quota(account, name)}
    raise AwsFault("NoSuchResourceException", "The request failed because the specified quota does not exist.")


def list_quotas(account: Account, call: Call) -> Answer:
    """ListServiceQuotas."""
    request = call.json()
    _check_service(request)
    names, token = _names(), request.get("NextToken", "0")
    if not token.isdecimal():
        raise AwsFault("InvalidPaginationTokenException", "Invalid NextToken.")
    start, size = int(token), int(request.get("MaxResults", PAGE))
    answer: Answer = {"Quotas": [_quota(account, name) for name in names[start : start + size]]}
    return answer | ({"NextToken": str(start + size)} if start + size < len(names) else {})


def _check_service(request: Answer) -> None:
    if request["ServiceCode"] != "sagemaker":
        raise AwsFault("NoSuchResourceException", "The sandbox knows the quotas of sagemaker only.")


@lru_cache(maxsize=1)
def _names() -> list[str]:
    described = model("sagemaker")
    return sorted(
        f"{instance} for {use} usage"
        for use, shape in USES.items()
        for instance in described.shape_for(shape).enum
        if instance.startswith("ml.")
    )


def _code(name: str) -> str:
    return KNOWN_CODES.get(name) or f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def _quota(account: Account, name: str) -> Answer:
    code = _code(name)
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:sagemaker/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(account.settings.quotas.get(name, 0)),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


OPERATIONS: dict[str, Callable[[Account, Call], Answer]] = {"GetServiceQuota": get, "ListServiceQuotas": list_quotas}
