"""An approval counts only where the policy in force wants it given, and a ledger edited by hand applies nothing."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from novaforge.guards.errors import RefusedError
from novaforge.guards.policy import Policy
from novaforge.server.ledger.tables import plans
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World

STRICT = Policy(terminal_above_usd=Decimal(100))


def test_a_form_does_not_count_once_the_policy_wants_a_terminal(world: "World") -> None:
    plan = world.store(world.train())
    assert world.approve(plan, channel="elicit-form")
    strict = world.ctx(policy=STRICT)
    assert apply(strict, plan.plan_id, pace=Pace(0)).status == "approval_required"
    assert world.aws.made() == []
    world.pass_time(seconds=1)
    assert world.approve(plan, channel="terminal")
    assert apply(strict, plan.plan_id, pace=Pace(0)).status == "started"


@pytest.mark.parametrize(
    "edit", [{"ceiling_usd": "0"}, {"expires_at": "2027-01-01T00:00:00.000000+00:00"}, {"ceiling_usd": "393.280"}]
)
def test_a_plan_whose_row_says_something_else_than_its_content_is_refused(world: "World", edit: dict[str, Any]) -> None:
    plan = world.approved(world.train())
    with world.ledger.database.write() as connection:  # type: ignore[attr-defined]  # the ledger behind the protocol
        connection.execute(update(plans).where(plans.c.plan_id == plan.plan_id).values(edit))
    with pytest.raises(RefusedError, match="changed in the ledger"):
        apply(world.ctx(), plan.plan_id, pace=Pace(0))
    assert world.aws.made() == []
