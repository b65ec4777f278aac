"""The sandbox's own process: started once, joined, stopped with all its children, and never mistaken for a dead one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.errors import ConfigError
from novaforge.server.sandbox import process
from novaforge.server.sandbox.settings import BUCKET, ROLE_ARN, SandboxSettings, load
from novaforge.tools.aws.session import Aws

pytestmark = pytest.mark.slow

FAKE_WORKER = [sys.executable, "-I", "-S", str(Path(__file__).with_name("fake_worker.py"))]
QUICK = SandboxSettings(waiting_s=0, stop_grace_s=2, worker_command=FAKE_WORKER, stand_in={"step_s": 60})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.stop(tmp_path)


def until(found: Callable[[], bool], timeout_s: float = 120) -> bool:
    """Look again and again; True as soon as it is found."""
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not found() and time.monotonic() < deadline:
        pause.wait(0.02)
    return found()


def health(info: process.SandboxInfo) -> dict[str, Any]:
    with urllib.request.urlopen(f"{info.url}/_novaforge/health", timeout=60) as answer:
        return dict(json.load(answer))


def exists(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


def group_members(group: int) -> list[int]:
    """Return the processes of a process group."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == group and fields[0] not in {"Z", "X"}:
                found.append(int(entry.name))
    return found


def client_of(info: process.SandboxInfo) -> Aws:
    return Aws(region="us-east-1", endpoint=lambda: info.url, credentials=("sandbox", "sandbox"))


def start_job(info: process.SandboxInfo) -> list[int]:
    """Start a job that trains for a minute; returns the process groups of the children."""
    aws = client_of(info)
    for key, body in (("data.jsonl", b"{}\n"), ("recipe/recipe.yaml", b"run: {}\n")):
        aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=body)
    channels = [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://{BUCKET}/{key}",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for name, key in (("train", "data.jsonl"), ("recipe", "recipe/"))
    ]
    aws.call(
        "sagemaker",
        "create_training_job",
        TrainingJobName="long",
        RoleArn=ROLE_ARN,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        InputDataConfig=channels,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
    )
    assert until(lambda: bool(health(info)["children"]))
    groups: list[int] = health(info)["children"]
    assert until(lambda: all(len(group_members(group)) >= 2 for group in groups)), "leash and worker are up"
    return groups


def test_it_is_started_once_and_joined_afterwards(folder: Path) -> None:
    first = process.ensure(folder, QUICK)
    assert process.ensure(folder) == process.ensure(folder) == first
    assert health(first)["pid"] == first.pid != os.getpid()
    assert os.getsid(first.pid) == first.pid, "it has a session of its own"
    told = json.loads((folder / "sandbox.json").read_text())
    assert told["life"] == health(first)["life"]
    assert (folder.stat().st_mode & 0o777) in {0o700, 0o755}


def test_racing_starters_end_with_one_sandbox(folder: Path) -> None:
    program = (
        "import sys, pathlib; from novaforge.server.sandbox import process; "
        "print(process.ensure(pathlib.Path(sys.argv[1])).pid)"
    )
    racers = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", program, str(folder)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    pids = {racer.communicate(timeout=300)[0].strip() for racer in racers}
    assert len(pids) == 1
    info = process.running(folder)
    assert info is not None and str(info.pid).encode() in pids


def test_a_second_process_over_a_folder_steps_back(folder: Path) -> None:
    info = process.ensure(folder, QUICK)
    command = [sys.executable, "-m", "novaforge.server.sandbox", "--folder", str(folder)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert second.returncode == process.ALREADY_RUNNING
    assert info.url in second.stderr


def test_a_pid_file_of_a_dead_sandbox_counts_for_nothing(folder: Path) -> None:
    # Our own pid: a process that lives but is no sandbox.
    stale = {"url": "http://127.0.0.1:9", "pid": os.getpid(), "folder": str(folder), "life": "x", "started_at": 0}
    (folder / "sandbox.json").write_text(json.dumps(stale))
    assert process.running(folder) is None
    assert process.stop(folder) is False
    info = process.ensure(folder, QUICK)
    assert info.pid != os.getpid() and health(info)["ok"]


def test_stopping_leaves_no_child(folder: Path) -> None:
    info = process.ensure(folder, QUICK)
    groups = start_job(info)
    assert process.stop(folder) is True
    assert until(lambda: not exists(info.pid), 1)
    assert [member for group in groups for member in group_members(group)] == []
    assert process.running(folder) is None and process.stop(folder) is False
    assert not (folder / "sandbox.json").exists()


def test_a_killed_sandbox_leaves_no_child_and_no_job_running_for_ever(folder: Path) -> None:
    info = process.ensure(folder, QUICK)
    groups = start_job(info)
    before = health(info)["life"]
    os.kill(info.pid, signal.SIGKILL)
    assert until(lambda: not [member for group in groups for member in group_members(group)])
    again = process.ensure(folder)
    assert again.pid != info.pid
    assert health(again)["life"] != before
    assert client_of(again).call("sagemaker", "list_training_jobs")["TrainingJobSummaries"] == []


def test_a_shutdown_request_ends_it(folder: Path) -> None:
    info = process.ensure(folder, QUICK)
    urllib.request.urlopen(urllib.request.Request(f"{info.url}/_novaforge/shutdown", method="POST"), timeout=60).close()
    assert until(lambda: process.running(folder) is None)
    assert until(lambda: not exists(info.pid))


def test_state_survives_whoever_started_it(folder: Path) -> None:
    program = (
        "import sys, pathlib; from novaforge.server.sandbox import process; "
        "print(process.ensure(pathlib.Path(sys.argv[1])).url)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(folder)]
    first = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.strip()
    info = process.running(folder)
    assert info is not None and info.url == first
    client_of(info).call("s3", "put_object", Bucket=BUCKET, Key="kept", Body=b"1")
    assert subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.strip() == first
    assert client_of(info).call("s3", "head_object", Bucket=BUCKET, Key="kept")["ContentLength"] == 1


def test_settings_that_are_wrong_are_named(folder: Path) -> None:
    (folder / "settings.json").write_text('{"wating_s": 5}')
    with pytest.raises(ConfigError, match="wating_s"):
        load(folder)
    with pytest.raises(ConfigError, match="wating_s"):
        process.ensure(folder)
    assert process.running(folder) is None


def test_the_environment_overlays_the_settings_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "settings.json").write_text('{"waiting_s": 5, "stop_grace_s": 7}')
    monkeypatch.setenv("NOVAFORGE_SANDBOX_SETTINGS", '{"waiting_s": 1}')
    settings = load(folder)
    assert (settings.waiting_s, settings.stop_grace_s) == (1, 7)


def test_torch_is_not_needed_and_nothing_heavy_is_imported_to_ensure() -> None:
    program = (
        "import sys; from novaforge.server.sandbox import process, testing; "
        "print([name for name in ('torch', 'moto', 'boto3', 'botocore', 'flask', 'werkzeug') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
    program = "import sys; sys.modules['torch'] = None; import novaforge.server.sandbox.endpoint; print('up')"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "up\n"
