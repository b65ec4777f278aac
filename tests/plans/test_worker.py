"""Who is carrying a plan out, and whether they still live."""

import os
import subprocess
import sys

from novaforge.tools.plans.worker import Pace, died, new_owner


def test_this_process_lives_and_two_workers_are_told_apart() -> None:
    one, two = new_owner(), new_owner()
    assert one != two
    assert not died(one)


def test_a_process_that_ended_is_known_to_be_dead_also_before_it_is_reaped() -> None:
    code = "from novaforge.tools.plans.worker import new_owner; print(new_owner(), flush=True)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    owner = child.stdout.readline().strip()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert died(owner), "a zombie works no more"
    child.communicate()
    assert died(owner)


def test_a_process_id_used_again_is_not_taken_for_the_worker() -> None:
    place, pid, _, token = new_owner().split("/")
    assert died(f"{place}/{pid}/1/{token}")


def test_a_worker_elsewhere_may_live() -> None:
    place, _, start, token = new_owner().split("/")
    assert not died(f"other-host:1/999999/{start}/{token}")
    assert not died("something else")
    assert not died(f"{place}/x/1/y")


def test_the_pace_never_sleeps_longer_than_its_budget() -> None:
    slept: list[float] = []
    pace = Pace(5, slept.append)
    assert [pace.pause(seconds) for seconds in (2, 2, 2, 1)] == [True, True, False, True]
    assert slept == [2, 2, 1]
