"""Local reward code runs in a process of its own, within limits, and cannot reach into the server."""

import os
import sys
import time
from pathlib import Path

import pytest

from novaforge.guards.values import JsonObject
from novaforge.tools.rewards.runner import MEMORY_BYTES, Call, Event, local_runner

EVENT: Event = [{"id": "a", "messages": []}]


def run(code: str, *events: Event, call_s: float = 30.0, total_s: float = 120.0) -> list[Call]:
    return local_runner(code.encode(), call_s=call_s)(list(events) or [EVENT], total_s)


def test_the_handler_gets_the_event_and_its_answer_comes_back() -> None:
    (call,) = run("def lambda_handler(event, context):\n    return [{'seen': event[0]['id']}]")
    assert call.ok and call.value == [{"seen": "a"}] and call.ms >= 0


def test_code_runs_in_another_process() -> None:
    (call,) = run("import os\ndef lambda_handler(event, context):\n    return os.getpid()")
    assert call.value != os.getpid()


def test_the_environment_holds_no_credentials_and_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (call,) = run("import os\ndef lambda_handler(event, context):\n    return dict(os.environ)")
    assert isinstance(call.value, dict)
    assert call.value.keys() <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE"}
    assert call.value["HOME"] != os.environ.get("HOME")


def test_packages_lambda_does_not_have_cannot_be_imported() -> None:
    (call,) = run("import pydantic\ndef lambda_handler(event, context):\n    return []")
    assert "ModuleNotFoundError" in call.error and "while the file was loaded" in call.error


def test_boto3_is_there_when_asked_for() -> None:
    code = b"import boto3\ndef lambda_handler(event, context):\n    return boto3.__name__"
    assert local_runner(code, needs_boto3=True)([EVENT], 20.0)[0].value == "boto3"


def test_a_call_that_does_not_end_is_cut_and_the_next_one_still_runs() -> None:
    code = "def lambda_handler(event, context):\n    while event[0]['id'] == 'a':\n        pass\n    return []"
    other: Event = [{"id": "b"}]
    first, second = run(code, EVENT, other, call_s=1.5)
    assert first.error.startswith("Timeout") and second.value == []


def test_reward_code_cannot_swallow_the_time_limit() -> None:
    code = """
def lambda_handler(event, context):
    while True:
        try:
            while True:
                pass
        except Exception:
            pass
"""
    (call,) = run(code, call_s=0.3)
    assert call.error.startswith("Timeout")


def test_a_process_that_ignores_its_alarm_is_killed_and_calls_after_it_count_as_not_run() -> None:
    code = """
import signal, time
def lambda_handler(event, context):
    signal.setitimer(signal.ITIMER_REAL, 0)
    time.sleep(60)
"""
    began = time.monotonic()
    calls = run(code, EVENT, EVENT, total_s=1.0)
    assert time.monotonic() - began < 50
    assert [call.ran for call in calls] == [False, False]


def test_memory_beyond_the_limit_is_refused_to_the_code() -> None:
    (call,) = run(f"def lambda_handler(event, context):\n    return len(bytearray({2 * MEMORY_BYTES}))")
    assert call.error.startswith("MemoryError")


def test_what_the_code_prints_does_not_mix_with_its_answer() -> None:
    (call,) = run("print('{\"loaded\": true}')\ndef lambda_handler(event, context):\n    print('x')\n    return [1]")
    assert call.value == [1]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("return {1, 2}", "TypeError"),
        ("raise KeyError('missing')", "KeyError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("import sys; sys.exit()", "SystemExit"),
    ],
)
def test_an_answer_that_fails_is_an_error_of_its_call(body: str, error: str) -> None:
    (call,) = run(f"def lambda_handler(event, context):\n    {body}")
    assert call.error.startswith(error)


def test_a_process_that_dies_is_reported_on_the_call_that_killed_it() -> None:
    code = "import os\ndef lambda_handler(event, context):\n    os._exit(7)"
    first, second = run(code, EVENT, EVENT)
    assert "code 7" in first.error and not second.ran


def test_processes_the_code_starts_do_not_outlive_it(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(mark)!r}).touch()"
    code = f"""
import subprocess
def lambda_handler(event, context):
    subprocess.Popen([{sys.executable!r}, "-c", {child!r}])
    return []
"""
    (call,) = run(code)
    assert call.value == []
    deadline = time.monotonic() + 2.2
    while time.monotonic() < deadline:
        assert not mark.exists()


def test_a_file_without_a_handler_fails_every_call() -> None:
    calls = run("x = 1", EVENT, EVENT)
    assert all("lambda_handler" in call.error for call in calls)


def test_the_context_counts_down_like_the_one_on_lambda() -> None:
    (call,) = run("def lambda_handler(event, context):\n    return context.get_remaining_time_in_millis()")
    assert isinstance(call.value, int) and 0 < call.value <= 30_000


def test_text_outside_ascii_goes_through_unchanged() -> None:
    sample: JsonObject = {"id": "行-🙂-\u2028", "text": 'ä"\\\n'}
    (call,) = run("def lambda_handler(event, context):\n    return event", [sample])
    assert call.value == [sample]
