"""Offer the playbooks as MCP prompts, with completion of their arguments."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument
from mcp.types import Completion, PromptReference

from novaforge.prompts.loader import Playbook, playbooks


def known_playbooks() -> dict[str, Playbook]:
    """Return the playbooks by name."""
    return {playbook.name: playbook for playbook in playbooks()}


def add_prompts(server: MCPServer, known: dict[str, Playbook]) -> None:
    """Register every playbook and one completion handler for their arguments."""
    for playbook in known.values():
        server.add_prompt(_prompt(playbook))

    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        playbook = known.get(ref.name) if isinstance(ref, PromptReference) else None
        values = _values(playbook, argument.name) if playbook else []
        return Completion(values=[value for value in values if value.startswith(argument.value)][:100], has_more=False)

    server.completion()(complete)  # type: ignore[no-untyped-call]  # the SDK leaves this decorator untyped


def _values(playbook: Playbook, name: str) -> list[str]:
    return [value for argument in playbook.arguments if argument.name == name for value in argument.values]


def _prompt(playbook: Playbook) -> Prompt:
    arguments = [
        PromptArgument(name=argument.name, description=argument.description, required=argument.required)
        for argument in playbook.arguments
    ]
    return Prompt(
        name=playbook.name,
        title=playbook.title,
        description=playbook.description,
        arguments=arguments,
        fn=playbook.render,
        context_kwarg=None,
    )
