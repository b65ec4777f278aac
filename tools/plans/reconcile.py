"""Settle, when a server starts, what an earlier process left open."""

import logging
from datetime import timedelta

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.context import ToolContext
from novaforge.tools.plans.outcome import ApplyResult
from novaforge.tools.plans.run import say
from novaforge.tools.plans.settle import WINDOW, settle
from novaforge.tools.plans.worker import Pace
from novaforge.tools.records import Execution

logger = logging.getLogger(__name__)


def reconcile(ctx: ToolContext, *, window: timedelta = WINDOW) -> list[ApplyResult]:
    """Look for what each unsettled execution may have made: adopt what is ours, close what never happened.

    What was interrupted less than `window` ago and is not finished waits for the next apply_plan. Something that cannot
    be judged, because AWS does not answer or this is another account, stays as it is.
    """
    results = [_one(ctx, execution, window) for execution in ctx.ledger.unsettled()]
    return [result for result in results if result is not None]


def _one(ctx: ToolContext, execution: Execution, window: timedelta) -> ApplyResult | None:
    try:
        record = ctx.ledger.plan(execution.plan_id)
        return settle(ctx, record.plan, "look", Pace(0), window) if record else None
    except NovaForgeError as error:
        # One that cannot be judged must not keep the others, or the server, from starting.
        logger.warning("plan %s could not be settled: %s", execution.plan_id, say(error))
        return None
