"""Offer the playbooks as MCP prompts, with completion of their arguments."""

from functools import partial
from typing import Any

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument
from mcp.types import Completion, PromptReference

from novaforge.prompts.loader import Playbook, playbooks
from novaforge.server.state import AppState

JOB_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "job_id": (),
    "ids": (),
    "sft_job": ("SFT_LORA",),
    "sft_evaluation": ("EVALUATION",),
}
"""Arguments that name jobs of the ledger, with the methods to offer; none stands for all."""

MOST = 100


def known_playbooks() -> dict[str, Playbook]:
    """Return the playbooks by name."""
    return {playbook.name: playbook for playbook in playbooks()}


def add_prompts(server: MCPServer, known: dict[str, Playbook], state: AppState) -> None:
    """Register every playbook and one completion handler for their arguments: fixed values, and jobs of the ledger."""
    for playbook in known.values():
        server.add_prompt(_prompt(playbook))

    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        playbook = known.get(ref.name) if isinstance(ref, PromptReference) else None
        values = await anyio.to_thread.run_sync(partial(_values, playbook, argument.name, state)) if playbook else []
        fitting = [value for value in values if value.startswith(argument.value)]
        return Completion(values=fitting[:MOST], total=len(fitting), has_more=len(fitting) > MOST)

    server.completion()(complete)  # type: ignore[no-untyped-call]  # the SDK leaves this decorator untyped


def _values(playbook: Playbook, name: str, state: AppState) -> list[str]:
    fixed = [value for argument in playbook.arguments if argument.name == name for value in argument.values]
    if fixed or name not in JOB_ARGUMENTS:
        return fixed
    wanted = JOB_ARGUMENTS[name]
    return [job.job_id for job in state.ledger.jobs(limit=1000) if not wanted or job.method in wanted]


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
