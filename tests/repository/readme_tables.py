"""Write the README's generated tables from the live server: python tests/repository/readme_tables.py --write."""

import re
import sys
from pathlib import Path

from novaforge.prompts.loader import playbooks
from novaforge.server.toolspecs import TOOLS
from novaforge.tools.catalog.support import SUPPORTED

README = Path(__file__).parents[2] / "README.md"


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


TABLES = {"tools": tool_table, "prompts": prompt_table, "support": support_table}


def filled(text: str) -> str:
    """Return the README with every generated table renewed."""
    for name, table in TABLES.items():
        found = re.search(rf"(?<=<!-- table:{name} -->\n).*?(?=\n<!-- /table -->)", text, re.DOTALL)
        assert found, f"README has no place for the table {name}"
        text = text[: found.start()] + table() + text[found.end() :]
    return text


if __name__ == "__main__":
    current = README.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        README.write_text(filled(current), encoding="utf-8")
    sys.exit(0 if filled(current) == README.read_text(encoding="utf-8") else "README tables are out of date: make docs")
