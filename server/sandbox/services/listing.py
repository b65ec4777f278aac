"""Filters, order and pages that SageMaker's list operations share."""

from datetime import UTC, datetime
from typing import Any

from novaforge.server.sandbox.wire import invalid

PAGE = 10
"""SageMaker returns ten items a page unless asked otherwise."""


def page(
    request: dict[str, Any], rows: list[dict[str, Any]], key: str, name: str, status: str | None = None
) -> dict[str, Any]:
    """Return one page of rows as {key: [...], NextToken?}; raises AwsFault on a token that is not ours."""
    kept = [row for row in rows if _fits(request, row, name, status)]
    by = {"Name": name, "Status": status or name}.get(request.get("SortBy", ""), "CreationTime")
    kept.sort(key=lambda row: (row[by], row[name]), reverse=request.get("SortOrder", "Descending") == "Descending")
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("The pagination token is not valid.")
    start, size = int(token), int(request.get("MaxResults", PAGE))
    answer: dict[str, Any] = {key: kept[start : start + size]}
    if start + size < len(kept):
        answer["NextToken"] = str(start + size)
    return answer


def _fits(request: dict[str, Any], row: dict[str, Any], name: str, status: str | None) -> bool:
    if request.get("NameContains", "").lower() not in row[name].lower():
        return False
    if status and request.get("StatusEquals", row[status]) != row[status]:
        return False
    for member in ("CreationTime", "LastModifiedTime"):
        at = row.get(member)
        after, before = request.get(f"{member}After"), request.get(f"{member}Before")
        if at and ((after is not None and at < _time(after)) or (before is not None and at > _time(before))):
            return False
    return True


def _time(value: Any) -> datetime:
    return datetime.fromtimestamp(float(value), UTC)
