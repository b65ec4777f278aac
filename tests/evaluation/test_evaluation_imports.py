"""What importing the tool costs, and how long its schemas are."""

import json
import subprocess
import sys

from novaforge.tools.evaluation.results import Comparison, EvaluationReport

HEAVY = ("numpy", "pandas", "matplotlib", "rouge_score", "sacrebleu", "boto3", "pyarrow")


def test_importing_the_tool_imports_nothing_heavy() -> None:
    code = f"import sys, novaforge.tools.evaluation.tool; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_result_schemas_are_short_and_say_something() -> None:
    for model in (EvaluationReport, Comparison):
        schema = model.model_json_schema(mode="serialization")
        assert len(json.dumps(schema)) < 3500
        assert {"next_step", "sandbox", "findings"} <= set(schema["properties"])
