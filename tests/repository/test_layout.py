"""The repository keeps its shape: packages listed, arrows kept, nothing imported too early."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("server", "tools", "prompts", "guards")
BANNED = {
    "guards": ("novaforge.tools", "novaforge.server", "novaforge.prompts", "boto3", "botocore", "mcp", "sqlalchemy"),
    "tools": ("novaforge.server", "novaforge.prompts", "mcp"),
    "prompts": ("novaforge.server", "novaforge.tools", "novaforge.guards"),
    "server": (),
}
HEAVY = (
    "torch",
    "transformers",
    "pandas",
    "boto3",
    "botocore",
    "sagemaker",
    "sqlalchemy",
    "matplotlib",
    "moto",
    "sacrebleu",
)


def sources(folder: str) -> Iterator[Path]:
    return (path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_every_subpackage_is_listed_in_pyproject() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"])
    found = {
        "novaforge." + ".".join(path.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for path in sources(folder)
        if path.name == "__init__.py"
    }
    assert found == listed


def test_every_folder_with_code_is_a_package() -> None:
    loose = {
        path.parent for folder in FOLDERS for path in sources(folder) if not (path.parent / "__init__.py").exists()
    }
    assert not loose


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_follow_the_arrows(folder: str) -> None:
    broken = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imported(path)
        for banned in BANNED[folder]
        if name == banned or name.startswith(f"{banned}.")
    ]
    assert not broken


def test_no_file_is_longer_than_400_lines() -> None:
    long = [
        path for folder in FOLDERS for path in sources(folder) if path.read_text(encoding="utf-8").count("\n") > 400
    ]
    assert not long


def test_functions_stay_small() -> None:
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for folder in FOLDERS
        for path in sources(folder)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    )
    assert lengths[len(lengths) // 2] <= 12
    assert lengths[int(len(lengths) * 0.95)] <= 45


def test_every_public_name_says_what_it_is() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for folder in FOLDERS
        for path in sources(folder)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_building_the_server_loads_nothing_heavy() -> None:
    code = (
        "import sys; from novaforge.server.app import build_server; from novaforge.server.settings import Settings; "
        f"build_server(Settings(sandbox=True)); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
