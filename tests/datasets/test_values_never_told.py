"""A secret in the data is in the data alone: in no answer, no log, no stored job, no manifest, no list of rejects."""

import json
import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.jobs.job import DataJob
from novaforge.tools.datasets.jobs.registry import DataJobs

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk, Row

PATIENT_S = 300.0
CORE = "Zq7Canary"
"""Stands in every secret, as letters of it, so that no encoding hides it."""
SECRETS = {
    "GitHub token": f"ghp_{CORE}" + "aB3dE5gH7" * 3,
    "Stripe key": f"sk_live_{CORE}" + "k2M4p6R8t0V2x4Z",
    "npm token": f"npm_{CORE}" + "aB3dE5gH7" * 3,
    "AWS access key": f"aws_secret_access_key='{CORE}" + "k2M4p6R8t0V2x4Z6b8D0f2H4j6L8n0P'",
    "password in a URL": f"postgres://app:{CORE}9@db.firm.net/x",
    "e-mail address": f"{CORE}.person@uni-bonn.de",
}
TEXT = "Tell me what is wrong with this configuration, which I copied from the machine in the office:"


def lines(converse: Any) -> list[str]:
    """Return good rows, equal ones, nearly equal ones, ones that filters leave out, and ones that break rules or JSON."""
    rows: list[Any] = []
    for at in range(40):
        secret = list(SECRETS.values())[at % len(SECRETS)]
        rows.append(converse(f"{TEXT} number {at}, {secret}, and {'more ' * (at % 7)}", ("a", "b")[at % 2]))
    rows += [rows[0], rows[1], converse(f"{TEXT} number 2, {SECRETS['npm token']}, and  more  ", "a")]
    rows += [
        converse(f"{CORE} " * 40, "a"),
        converse(SECRETS["GitHub token"], "b"),
        converse(f"{TEXT} and the label is a secret as well", SECRETS["npm token"]),
        {**converse(f"x {SECRETS['GitHub token']}", "a"), "system": SECRETS["Stripe key"]},
        {"messages": [{"role": CORE, "content": [{"text": SECRETS["npm token"]}]}], CORE: CORE},
        {"messages": SECRETS["npm token"]},
        [SECRETS["Stripe key"]],
        SECRETS["Stripe key"],
    ]
    return [json.dumps(row) for row in rows] + [
        f'{{"messages": [{{"role": "user", "content": [{{"text": "{SECRETS["Stripe key"]}"',
        f'{{"a": "{CORE}", "a": "{CORE}"}}',
        SECRETS["GitHub token"],
    ]


def told(result: Any) -> str:
    """Return all that a call answers, but the sample, whose fields say that they quote the file."""
    fields = {name: value for name, value in result.model_dump(mode="json").items() if not name.startswith("untrusted")}
    return f"{json.dumps(fields)} {result.text()}"


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


FILTERS = {
    "invalid_rows": True, "quality": True, "languages": ["en"], "exact_duplicates": True, "near_duplicates": True,
    "max_chars": 5000,
}  # fmt: skip


def test_a_validation_tells_kinds_and_lines(
    desk: "Desk", converse: "Any", logs: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    source = desk.write("rows.jsonl", "\n".join(lines(converse)) + "\n")
    other = desk.jsonl([converse(f"{TEXT} number 3, {SECRETS['AWS access key']}, and more more more ", "a")], "o.jsonl")

    result = desk.validate(source, against=other)

    found = told(result)
    assert CORE.lower() not in found.lower()
    assert all(kind in found for kind in SECRETS)
    assert CORE not in logs.text and CORE not in "".join(capfd.readouterr())


@pytest.mark.parametrize("filters", [{}, FILTERS], ids=["as it is", "with all filters"])
def test_a_transform_writes_values_into_the_data_alone(
    desk: "Desk", converse: "Any", logs: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], filters: "Row"
) -> None:
    source = desk.write("rows.jsonl", "\n".join(lines(converse)) + "\n")

    result = desk.transform(source, split={"train": 0.8, "test": 0.2}, filters=filters)

    assert CORE.lower() not in told(result).lower()
    written = {name: data for name, data in desk.tree().items() if name.startswith("out")}
    data = {name for name in written if name.endswith(("train.jsonl", "test.jsonl"))}
    assert len(data) == 2 and len(written) >= 4
    assert {name for name, content in written.items() if CORE.lower().encode() in content.lower()} == data
    assert CORE not in logs.text and CORE not in "".join(capfd.readouterr())


@pytest.mark.parametrize("fails", [False, True])
def test_a_stored_pass_holds_no_values(desk: "Desk", converse: "Any", fails: bool) -> None:
    source = desk.write("rows.jsonl", "\n".join(lines(converse)[-3 if fails else 0 :]) + "\n")
    folder = desk.folder / "work"
    jobs = DataJobs(folder, 0.0)
    ctx: Any = replace(desk.ctx, data_jobs=jobs, work_dir=folder)
    started = threading.Event()

    def work(inner: Any) -> Any:
        assert started.wait(PATIENT_S)
        return desk.validate(source, ctx=inner)

    job = jobs.run(ctx, "validate_dataset", {"source": source}, work, progress=lambda *_: None, gone=lambda: False)
    started.set()
    assert isinstance(job, DataJob)
    with job.changed:
        assert job.changed.wait_for(lambda: job.ended, PATIENT_S)
    jobs.close()

    stored = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert stored and not any(CORE.lower().encode() in content.lower() for content in stored)


def test_a_refused_file_is_refused_without_its_words(desk: "Desk") -> None:
    source = desk.write("rows.jsonl", f"{SECRETS['GitHub token']}\n{SECRETS['Stripe key']}\n")

    with pytest.raises(NovaForgeError) as caught:
        desk.transform(source)

    assert CORE.lower() not in f"{caught.value!r} {caught.value} {caught.value.fix} {vars(caught.value)}".lower()
