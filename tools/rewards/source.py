"""What can be told from a reward file without running it."""

import ast
import sys
from dataclasses import dataclass

from novaforge.guards.errors import InputError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.tools.context import ToolContext

CODE_BYTES = 256 * 1024
AWS_PACKAGES = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"})
"""Installed in Lambda's Python runtimes beside the standard library."""


@dataclass(frozen=True)
class Source:
    """A reward file: its bytes, the packages it imports and what is wrong with it."""

    code: bytes
    imports: frozenset[str]
    findings: list[Finding]

    @property
    def needs_boto3(self) -> bool:
        """Whether the file imports what only Lambda's runtime adds."""
        return bool(self.imports & AWS_PACKAGES)


def read_source(ctx: ToolContext, path: str) -> Source:
    """Read a local reward file; raises InputError when it is missing, outside the roots, too large or not Python."""
    code = ctx.storage.read(str(ctx.storage.local(path)), CODE_BYTES)
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        reason = one_line(getattr(error, "msg", str(error)), 100)
        raise InputError(
            f"{path} is not valid Python {sys.version_info.major}.{sys.version_info.minor}: {reason} (line {line}).",
            field="function",
            value=path,
            fix="correct the file",
        ) from error
    imports = frozenset(_imports(tree))
    return Source(code, imports, [*_handler_findings(tree), *_import_findings(imports)])


def _handler_findings(tree: ast.Module) -> list[Finding]:
    if "lambda_handler" in set(_top_names(tree)):
        return []
    fix = "define lambda_handler(event, context) at the top level"
    return [Finding(rule="reward-handler", severity="block", message="the file defines no lambda_handler", fix=fix)]


def _import_findings(imports: frozenset[str]) -> list[Finding]:
    foreign = sorted(imports - AWS_PACKAGES - sys.stdlib_module_names)
    if not foreign:
        return []
    return [
        Finding(
            rule="reward-imports",
            severity="block",
            message=f"imports {', '.join(foreign)}: Lambda has only the standard library and boto3, one file is packaged",
            fix="use the standard library, or deploy a function with its dependencies yourself and give its ARN",
        )
    ]


def _top_names(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
    return names


def _imports(tree: ast.Module) -> list[str]:
    """Return the packages imported anywhere; those inside try blocks are optional by intent and left to the run."""
    optional = {id(child) for node in ast.walk(tree) if isinstance(node, ast.Try) for child in ast.walk(node)}
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in optional:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append(node.module.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
    return found
