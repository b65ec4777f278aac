"""Write what is generated from the live tools: python tests/repository/readme_tables.py --write.

That is the tables of the README, and server/tools.json: the schemas the server shows before it has imported a tool.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from readme_example import example

from novaforge.prompts.loader import playbooks
from novaforge.server.app import build_tool
from novaforge.server.settings import Settings
from novaforge.server.state import AppState
from novaforge.server.toolspecs import TOOLS
from novaforge.tools.catalog.support import SUPPORTED
from novaforge.tools.datasets.filters.plan import FILTERS
from novaforge.tools.datasets.formats.targets import LEGAL
from novaforge.tools.datasets.shapes.recognise import TARGETS

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


def shape_table() -> str:
    """Return the table of recognised shapes and what they can become, shapes of equal methods in one row."""
    lines = ["| shape | methods |", "|---|---|"]
    shapes: dict[tuple[str, ...], list[str]] = {}
    for shape, methods in TARGETS.items():
        shapes.setdefault(tuple(methods), []).append(shape)
    lines += [f"| {', '.join(names)} | {_listed(methods)} |" for methods, names in shapes.items() if methods]
    return "\n".join(lines)


def format_table() -> str:
    """Return the table of methods whose rows can be prepared."""
    lines = ["| method | models | platforms |", "|---|---|---|"]
    lines += [
        f"| `{method}` | {_listed(models)} | {_listed(platforms)} |" for method, (models, platforms) in LEGAL.items()
    ]
    return "\n".join(lines)


def filter_list() -> str:
    """Return the names of the filters."""
    return _listed(sorted(FILTERS))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def schemas() -> str:
    """Return the schemas of all tools as their code gives them."""
    tools = [build_tool(spec, AppState(Settings(sandbox=True))) for spec in TOOLS]
    shown = {tool.name: {"input": tool.parameters, "output": tool.output_schema} for tool in tools}
    return json.dumps(shown, indent=1) + "\n"


TABLES = {
    "tools": tool_table,
    "prompts": prompt_table,
    "support": support_table,
    "shapes": shape_table,
    "formats": format_table,
}
LISTS = {"filters": filter_list}


def filled(text: str) -> str:
    """Return the README with every generated table renewed."""
    for name, table in TABLES.items():
        text = _replaced(text, rf"(?<=<!-- table:{name} -->\n).*?(?=<!-- /table -->)", table() + "\n")
    for name, words in LISTS.items():
        text = _replaced(text, rf"(?<=<!-- list:{name} -->).*?(?=<!-- /list -->)", words())
    return _replaced(text, r"(?<=<!-- example:data -->\n).*?(?=<!-- /example -->)", f"```text\n{example()}\n```\n")


def _replaced(text: str, place: str, new: str) -> str:
    found = re.search(place, text, re.DOTALL)
    assert found, f"README has no place {place}"
    return text[: found.start()] + new + text[found.end() :]


if __name__ == "__main__":
    if "--write" in sys.argv:
        SCHEMAS.write_text(schemas(), encoding="utf-8")
        README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    current = filled(README.read_text(encoding="utf-8")) == README.read_text(encoding="utf-8")
    same = schemas() == SCHEMAS.read_text(encoding="utf-8")
    sys.exit(0 if current and same else "out of date: make docs")
