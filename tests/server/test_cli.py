"""The command line says what it does and fails in plain words."""

import shlex
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from novaforge.server.cli import main
from novaforge.server.cli.options import parser, settings_of
from novaforge.server.ledger.sql import SqlLedger
from novaforge.server.settings import Settings
from novaforge.server.state import AppState


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--version")
    assert code == 0 and out.strip()


def test_flags_without_a_verb_mean_serve() -> None:
    args = parser().parse_args(["serve", "--sandbox", "--read-only"])
    settings = settings_of(args)
    assert settings.sandbox and not settings.writes_allowed


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@db/nova", "postgresql://ann@db/nova"),
        ("postgresql+psycopg://ann:s3c/ret@db/nova?a=1", "postgresql+psycopg://ann@db/nova?a=1"),
        ("postgresql://db/nova?user=ann&password=s3cret", "postgresql://db/nova?user=ann"),
        ("postgresql://db/nova?sslpassword=s3cret&user=ann", "postgresql://db/nova?user=ann"),
        ("sqlite:////tmp/a:b@c/ledger.db", "sqlite:////tmp/a:b@c/ledger.db"),
    ],
)
def test_the_command_shown_to_the_model_holds_no_password_of_the_ledger(url: str, shown: str) -> None:
    command = Settings(ledger_url=url).command("approve")
    assert shlex.split(command)[-1] == shown


def test_listed_plans_and_jobs_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = SimpleNamespace(plan_id="plan_1", title="a\x1b[2A\rb", cost=SimpleNamespace(ceiling_usd=Decimal(1)))
    job = SimpleNamespace(job_id="j", phase="running", method="m", ceiling_usd=Decimal(1), output="s3://b/\x1b[2Jx\ny")
    monkeypatch.setattr(SqlLedger, "plans", lambda *_, **__: [SimpleNamespace(plan=plan, state="planned")])
    monkeypatch.setattr(SqlLedger, "jobs", lambda *_, **__: [job])
    shown = "".join(run(capsys, verb, "--state", str(tmp_path))[1] for verb in ("plans", "jobs"))
    assert "\x1b" not in shown and "\r" not in shown and len(shown.splitlines()) == 2


@pytest.mark.parametrize("allow_write", [False, True])
def test_only_a_server_that_may_change_aws_settles_what_was_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, allow_write: bool
) -> None:
    settled: list[Any] = []
    monkeypatch.setattr(SqlLedger, "unsettled", lambda _: ["an execution"])
    monkeypatch.setattr("novaforge.tools.plans.reconcile.reconcile", settled.append)
    AppState(Settings(allow_write=allow_write, state=tmp_path)).context()
    assert bool(settled) is allow_write


def test_an_unknown_toolset_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "serve", "--toolsets", "data,everything")
    assert code == 2 and "everything" in err and "cleanup" in err


def test_a_bad_policy_names_file_and_key(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('max_usd_per_plann = "5"\n', encoding="utf-8")
    code, _, err = run(capsys, "serve", "--policy", str(policy))
    assert code == 2 and "max_usd_per_plann" in err and str(policy) in err


def test_approve_refuses_without_a_terminal(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "novaforge.server", "approve", "plan_x", "--state", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode != 0
    assert "terminal" in (done.stdout + done.stderr).lower()


def test_the_command_for_approving_names_the_ledger_and_the_policy_the_server_runs_under(tmp_path: Path) -> None:
    policy = tmp_path / "the policy.toml"
    policy.write_text("approval_minutes = 5\n", encoding="utf-8")
    place = ["--sandbox", "--state", str(tmp_path), "--ledger", "sqlite:////x.db", "--policy", str(policy)]
    command = settings_of(parser().parse_args(["serve", *place])).command("approve")
    words = shlex.split(command)
    there = settings_of(parser().parse_args([*words[words.index("approve") :], "plan_1"]))
    assert there.policy.approval_minutes == 5
    assert (there.state_dir, there.ledger) == (tmp_path / "sandbox", "sqlite:////x.db")


def test_plans_and_jobs_of_an_empty_ledger(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "No open plans" in run(capsys, "plans", "--state", str(tmp_path))[1]
    assert "No jobs" in run(capsys, "jobs", "--state", str(tmp_path))[1]


def test_doctor_names_the_fix_for_what_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    code, out, _ = run(capsys, "doctor", "--state", str(tmp_path))
    assert code == 1
    assert "[fix] AWS: No AWS region is configured." in out


def test_a_deleted_audit_log_is_not_intact_while_the_ledger_holds_plans(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--state", str(tmp_path))
    assert run(capsys, "audit", "verify", *words)[:2] == (0, f"The audit log is intact: 0 lines, head {'0' * 64}.\n")
    monkeypatch.setattr(SqlLedger, "plans", lambda *_, **__: [object()])
    code, out, _ = run(capsys, "audit", "verify", *words)
    assert code == 1 and "There is no audit log at" in out


def test_stopping_a_sandbox_that_does_not_run_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, "sandbox", "--stop", "--state", str(tmp_path))
    assert code == 0 and "No sandbox is running" in out
