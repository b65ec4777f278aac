"""Read SageMaker's quotas by name: their codes differ from account to account, their names do not."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from novaforge.tools.context import ToolContext

SOURCE = "servicequotas:ListServiceQuotas"
"""The IAM action this needs; plans name it as the source of the fact."""


class NamedQuota(NamedTuple):
    """One quota: how many instances it allows, and its code for a request to raise it."""

    name: str
    limit: int
    code: str


def named_quotas(ctx: ToolContext, names: Iterable[str]) -> Iterator[NamedQuota]:
    """Yield the quotas of these names as they are listed, no page further than needed; raises AwsError."""
    wanted = set(names)
    for quota in ctx.aws.pages("service-quotas", "list_service_quotas", "Quotas", ServiceCode="sagemaker"):
        name = str(quota.get("QuotaName"))
        if name in wanted:
            wanted.remove(name)
            yield NamedQuota(name, int(quota["Value"]), str(quota.get("QuotaCode", "unknown")))
        if not wanted:
            return
