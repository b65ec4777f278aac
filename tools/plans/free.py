"""Check that the names a plan will use are still free."""

from novaforge.guards.errors import AwsError
from novaforge.guards.findings import Finding
from novaforge.guards.plan import Precondition
from novaforge.tools.aws.resources import look
from novaforge.tools.context import ToolContext

RULE = "name-free"


def check_free(ctx: ToolContext, kind: str, name: str, what: str) -> tuple[list[Finding], list[Precondition]]:
    """Return a blocking finding when the name is taken, and the precondition that it stays free."""
    try:
        seen = look(ctx, kind, name)
    except AwsError as error:
        message = f"whether {what} {name} exists already: {error.message}"
        return [Finding(rule=RULE, severity="not_checked", message=message, fix=error.fix)], []
    if seen is not None:
        message = f"{what} {name} exists already and is never overwritten"
        return [Finding(rule=RULE, severity="block", message=message, fix="choose another name")], []
    target = {"kind": kind, "name": name}
    return [], [Precondition(name=f"{what} {name} does not exist", kind="absent", target={**target}, expected=True)]
