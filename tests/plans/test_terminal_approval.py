"""Approval in a terminal: a real pseudo-terminal, and everything that is none."""

import io
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, TextIO

import pytest

from novaforge.guards.consent import question
from novaforge.guards.policy import Policy
from novaforge.server.audit import tail
from novaforge.server.consent_terminal import approve_in_terminal, os_user
from novaforge.tools.plans.apply import apply
from novaforge.tools.plans.worker import Pace

if TYPE_CHECKING:
    from tests.gate.world import World


@contextmanager
def terminal(typed: str) -> Iterator[tuple[TextIO, TextIO, "list[str]"]]:
    """Give a terminal somebody has typed into; what it showed stands in the list afterwards."""
    main, side = pty.openpty()
    os.write(main, typed.encode())
    shown: list[str] = []
    with os.fdopen(os.dup(side), "r", encoding="utf-8") as stdin, os.fdopen(side, "w", encoding="utf-8") as stdout:
        yield stdin, stdout, shown
    shown.append(b"".join(iter(lambda: _read(main), b"")).decode().replace("\r\n", "\n"))
    os.close(main)


def _read(terminal_end: int) -> bytes:
    """Return what is still to be read, in pieces as the terminal gives it; nothing once the other end is closed."""
    try:
        return os.read(terminal_end, 1 << 16)
    except OSError:
        return b""


def approve(world: "World", plan_id: str, typed: str) -> tuple[int, str]:
    with terminal(typed) as (stdin, stdout, shown):
        code = approve_in_terminal(world.ctx(), plan_id, stdin, stdout)
    return code, shown[0]


def test_typing_the_ceiling_approves_exactly_this_plan(world: "World") -> None:
    plan, other = world.store(world.train("a")), world.store(world.train("b"))
    code, shown = approve(world, plan.plan_id, "$393.28\n")
    assert code == 0
    assert question(plan) in shown
    approval = world.ledger.approval(plan.digest)
    assert approval is not None
    assert (approval.channel, approval.approver) == ("terminal", os_user())
    assert world.ledger.approval(other.digest) is None
    assert apply(world.ctx(), plan.plan_id, pace=Pace(0)).status == "started"
    assert [item["actor"] for item in tail(world.audit_path, 50) if item["event"] == "plan.approved"] == [os_user()]


@pytest.mark.parametrize("typed", ["\n", "y\n", "yes\n", "approve\n", "$1.00\n"])
def test_anything_else_leaves_the_plan_open(world: "World", typed: str) -> None:
    plan = world.store(world.train())
    code, _ = approve(world, plan.plan_id, typed)
    assert code == 1
    assert world.state(plan) == "planned"
    assert approve(world, plan.plan_id, "393.28\n")[0] == 0


def test_reject_closes_the_plan(world: "World") -> None:
    plan = world.store(world.train())
    assert approve(world, plan.plan_id, "reject\n")[0] == 1
    assert world.state(plan) == "rejected"
    code, shown = approve(world, plan.plan_id, "$393.28\n")
    assert code == 2
    assert "rejected" in shown


@pytest.mark.parametrize("which", ["stdin", "stdout", "both"])
def test_without_a_terminal_on_both_sides_nothing_is_asked(world: "World", which: str) -> None:
    plan = world.store(world.train())
    piped_in, piped_out = io.StringIO("$393.28\n"), io.StringIO()
    with terminal("$393.28\n") as (stdin, stdout, _):
        code = approve_in_terminal(
            world.ctx(),
            plan.plan_id,
            stdin if which == "stdout" else piped_in,
            stdout if which == "stdin" else piped_out,
        )
        stdout.write(".")
    assert code == 2
    assert world.state(plan) == "planned"
    if which != "stdin":
        assert "terminal" in piped_out.getvalue()


def test_a_plan_above_the_form_limit_can_be_approved_here(world: "World") -> None:
    world.policy = Policy(terminal_above_usd=Decimal(1))
    plan = world.store(world.train())
    assert approve(world, plan.plan_id, "$393.28\n")[0] == 0


def test_what_is_not_open_is_not_asked_about(world: "World") -> None:
    started, approved, expired = (
        world.approved(world.train("a")),
        world.approved(world.train("b")),
        world.store(world.train("c")),
    )
    apply(world.ctx(), started.plan_id, pace=Pace(0))
    assert approve(world, started.plan_id, "$393.28\n")[0] == 2
    assert "approved already" in approve(world, approved.plan_id, "$393.28\n")[1]
    world.pass_time(minutes=31)
    code, shown = approve(world, expired.plan_id, "$393.28\n")
    assert code == 2
    assert "expired" in shown
    assert "no plan" in approve(world, "plan_x", "$393.28\n")[1]
