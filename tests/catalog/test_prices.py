"""A price comes from the live list, else from the dated table, and is never guessed."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import AwsError
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.catalog.prices import price, snapshot
from novaforge.tools.context import Mode, ToolContext

TODAY = date(2026, 11, 20)


def product(*usd: str, unit: str = "Hrs", kind: str = "Training") -> str:
    """Return one product of the price list as AWS writes it: JSON inside JSON."""
    terms = {
        f"t{index}": {"priceDimensions": {"d": {"unit": unit, "pricePerUnit": {"USD": rate}}}}
        for index, rate in enumerate(usd)
    }
    return json.dumps({"product": {"attributes": {"platoinstancetype": kind}}, "terms": {"OnDemand": terms}})


def noon() -> datetime:
    """Return the time of the tests."""
    return datetime(2026, 11, 20, 12, tzinfo=UTC)


class PriceList(Aws):
    """A price list that gives what a test says."""

    def __init__(self, answer: list[str] | Exception) -> None:
        super().__init__(region="us-east-1")
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        self.asked = {"region": region, **request}
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"PriceList": self.answer}


def context(answer: list[str] | Exception) -> ToolContext:
    aws, nothing = PriceList(answer), cast(Any, None)
    return ToolContext(Mode(), Policy(), nothing, aws, Storage(aws, (Path("/nowhere"),)), nothing, noon)


def test_the_live_list_is_asked_for_the_exact_machine() -> None:
    ctx = context([product("64.5")])
    found = price(ctx, "ml.p5.48xlarge", "us-east-1", "training")
    assert (found.usd_per_hour, found.source, found.as_of) == (Decimal("64.5"), "AWS Price List API", TODAY)
    filters = {item["Field"]: item["Value"] for item in cast(PriceList, ctx.aws).asked["Filters"]}
    assert filters == {
        "productFamily": "ML Instance",
        "regionCode": "us-east-1",
        "instanceName": "ml.p5.48xlarge",
        "platoinstancetype": "Training",
    }


@pytest.mark.parametrize(
    "answer",
    [
        AwsError("no", operation="pricing:GetProducts", code="AccessDenied"),
        [],
        [product("0.0000000000")],
        [product("5", unit="GB")],
        [product("5", kind="Free Training")],
        [product("")],
    ],
)
def test_what_is_not_an_hourly_price_falls_back_to_the_dated_table(answer: list[str] | Exception) -> None:
    found = price(context(answer), "ml.p5.48xlarge", "us-east-1", "training")
    assert (found.usd_per_hour, found.as_of) == (Decimal("63.296"), date(2026, 9, 27))
    assert found.source.startswith("snapshot")


def test_an_unknown_machine_has_no_price_and_never_zero() -> None:
    assert price(context([]), "ml.p5en.48xlarge", "us-east-1", "training").usd_per_hour is None
    assert snapshot("ml.p5.48xlarge", "eu-west-3", "hosting", TODAY).usd_per_hour is None


@given(st.lists(st.decimals("0.0001", "999", places=4), min_size=1, max_size=5))
def test_of_several_readings_the_dearest_counts(rates: list[Decimal]) -> None:
    found = price(context([product(*map(str, rates))]), "ml.p5.48xlarge", "us-east-1", "hosting")
    assert found.usd_per_hour == max(rates)
