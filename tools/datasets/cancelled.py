"""End work nobody wants any more."""

from novaforge.guards.errors import CancelledError
from novaforge.tools.context import ToolContext


def refuse_cancelled(ctx: ToolContext) -> None:
    """Raise CancelledError when the call was cancelled or its job stopped."""
    if ctx.cancelled():
        raise CancelledError("The call was cancelled; nothing was written.", fix="call again if it is wanted after all")
