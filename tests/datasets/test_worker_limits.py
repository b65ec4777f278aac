"""A worker that hangs ends the call and not the server, and no worker sees the keys of this process."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from novaforge.guards.errors import ConfigError
from novaforge.tools.datasets.children import environment
from novaforge.tools.datasets.engine import pool as pools
from novaforge.tools.datasets.engine.pool import Answer, Pool
from novaforge.tools.datasets.reading.batch import Batch
from tests.datasets.worker_modules import FOLDER, by_own_name

Stopping: Any = by_own_name("stopping_task").Stopping


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    opened = Pool(1, Stopping(os.getpid()))
    yield opened
    opened.close()


def _give(pool: Pool, first: int) -> None:
    batch = Batch(0, first, b"x\n")
    for _ in range(60):
        if pool.submit(0, batch):
            return
        pool.collect(1.0)
    raise AssertionError("the worker has not started within a minute")


def _answer(pool: Pool) -> Answer:
    return next(answer for _ in range(60) for answer in pool.collect(1.0))


def test_a_worker_that_is_stopped_is_an_error_in_the_end(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    _give(pool, 1)
    monkeypatch.setattr(pools, "QUIET_S", 0.2)
    with pytest.raises(ConfigError, match=r"not answered for 0\.2 s"):
        _answer(pool)


def test_waiting_without_work_or_long_work_of_this_process_is_no_hang(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "QUIET_S", 0.05)
    for _ in range(5):
        pool.collect(0.1)  # nothing was asked of it
    monkeypatch.setattr(pools, "QUIET_S", 250)
    _give(pool, 2)
    assert _answer(pool).kind == "result"


def test_a_worker_sees_no_key_of_this_process(pool: Pool) -> None:
    _give(pool, 2)
    seen = _answer(pool).content
    assert "secret" not in seen.values() and not [name for name in seen if name.startswith("AWS")] and seen["PATH"]


def test_a_worker_computes_in_one_thread_unless_the_person_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    seen = environment()
    assert (seen["OPENBLAS_NUM_THREADS"], seen["OMP_NUM_THREADS"]) == ("1", "3")
