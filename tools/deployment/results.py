"""What invoke_model returns."""

from pydantic import Field

from novaforge.guards.text import NOTICE
from novaforge.tools.results import ToolResult


class Invocation(ToolResult):
    """One answer of a deployment; while it is not in service, its status and no answer."""

    deployment_id: str
    status: str
    untrusted_text: str = ""
    finish_reason: str = ""
    usage: dict[str, int] = Field(default_factory=dict[str, int])
    latency_ms: int = 0
    first_token_ms: int | None = None
    notice: str = NOTICE

    def text(self) -> str:
        """Return the answer, or why there is none."""
        if self.status != "InService":
            return f"{self.deployment_id} is {self.status}. {self.next_step}"
        spent = (
            f"[{self.latency_ms} ms, {self.usage.get('completion_tokens', '?')} tokens, {self.finish_reason or 'open'}]"
        )
        return "\n".join(line for line in (self.untrusted_text, spent, self.next_step) if line)
