"""Reading reward files without running them, and packaging them."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.tools.context import ToolContext
from novaforge.tools.rewards.package import zip_of
from novaforge.tools.rewards.source import read_source

HANDLER = "def lambda_handler(event, context):\n    return []\n"


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        (HANDLER, []),
        ("def work(e, c): ...\nlambda_handler = work\n", []),
        ("import json, re\nfrom collections import Counter\nimport boto3\n" + HANDLER, []),
        ("try:\n    import numpy\nexcept ImportError:\n    numpy = None\n" + HANDLER, []),
        ("def handler(event, context): ...\n", ["reward-handler"]),
        ("import numpy as np\n" + HANDLER, ["reward-imports"]),
        ("def f():\n    from sklearn.metrics import f1_score\n" + HANDLER, ["reward-imports"]),
        ("from . import helper\n" + HANDLER, ["reward-imports"]),
    ],
)
def test_handler_and_imports_are_told_from_the_text(
    offline: ToolContext, reward_file: Callable[[str], str], code: str, rules: list[str]
) -> None:
    source = read_source(offline, reward_file(code))
    assert [finding.rule for finding in source.findings] == rules
    assert all(finding.severity == "block" for finding in source.findings)


def test_reading_never_runs_the_code(offline: ToolContext, reward_file: Callable[[str], str], tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    read_source(offline, reward_file(f"open({str(mark)!r}, 'w')\n" + HANDLER))
    assert not mark.exists()


def test_broken_python_is_an_input_error_with_the_line(offline: ToolContext, reward_file: Callable[[str], str]) -> None:
    with pytest.raises(InputError, match="line 2"):
        read_source(offline, reward_file("x = 1\ndef (:\n"))


def test_files_outside_the_roots_are_refused(offline: ToolContext) -> None:
    with pytest.raises(InputError, match="outside the folders"):
        read_source(offline, "/etc/hostname")


@given(st.binary(max_size=500))
def test_the_same_file_always_gives_the_same_archive(code: bytes) -> None:
    data = zip_of(code)
    assert data == zip_of(code)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["lambda_function.py"]
        assert archive.read("lambda_function.py") == code
