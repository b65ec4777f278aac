"""Write what is generated from the live tools: python tests/repository/readme_tables.py --write.

That is the tables of the README, and server/tools.json: the schemas the server shows before it has imported a tool.
"""

import json
import re
import sys
from pathlib import Path

from novaforge.prompts.loader import playbooks
from novaforge.server.app import build_tool
from novaforge.server.settings import Settings
from novaforge.server.state import AppState
from novaforge.server.toolspecs import TOOLS
from novaforge.tools.catalog.support import SUPPORTED

README = Path(__file__).parents[2] / "README.md"
SCHEMAS = Path(__file__).parents[2] / "server" / "tools.json"


def tool_table() -> str:
    """Return the table of tools."""
    lines = ["| tool | does | changes |", "|---|---|---|"]
    for spec in TOOLS:
        change = "-" if spec.read_only else "yes" if spec.destructive else "new files"
        lines.append(f"| `{spec.name}` | {spec.description} | {change} |")
    return "\n".join(lines)


def prompt_table() -> str:
    """Return the table of prompts."""
    lines = ["| prompt | for | arguments |", "|---|---|---|"]
    for playbook in playbooks():
        arguments = ", ".join(f"`{item.name}`" + ("" if item.required else "?") for item in playbook.arguments)
        lines.append(f"| `{playbook.name}` | {playbook.description} | {arguments} |")
    return "\n".join(lines)


def support_table() -> str:
    """Return the table of combinations that work now."""
    lines = ["| model | method | platform |", "|---|---|---|"]
    lines += [f"| `{model}` | `{method}` | `{platform}` |" for model, method, platform in SUPPORTED]
    return "\n".join(lines)


def schemas() -> str:
    """Return the schemas of all tools as their code gives them."""
    tools = [build_tool(spec, AppState(Settings(sandbox=True))) for spec in TOOLS]
    shown = {tool.name: {"input": tool.parameters, "output": tool.output_schema} for tool in tools}
    return json.dumps(shown, indent=1) + "\n"


TABLES = {"tools": tool_table, "prompts": prompt_table, "support": support_table}


def filled(text: str) -> str:
    """Return the README with every generated table renewed."""
    for name, table in TABLES.items():
        found = re.search(rf"(?<=<!-- table:{name} -->\n).*?(?=\n<!-- /table -->)", text, re.DOTALL)
        assert found, f"README has no place for the table {name}"
        text = text[: found.start()] + table() + text[found.end() :]
    return text


if __name__ == "__main__":
    if "--write" in sys.argv:
        SCHEMAS.write_text(schemas(), encoding="utf-8")
        README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    current = filled(README.read_text(encoding="utf-8")) == README.read_text(encoding="utf-8")
    same = schemas() == SCHEMAS.read_text(encoding="utf-8")
    sys.exit(0 if current and same else "out of date: make docs")
