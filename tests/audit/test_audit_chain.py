import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novaforge.guards.audit import GENESIS, OPENED, TORN, read_entry
from novaforge.server.audit import FileAudit, tail, verify

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

# One function-scoped folder serves all examples: each writes a file of its own name.
any_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "audit.jsonl"


def fill(path: Path, count: int = 3) -> FileAudit:
    audit = FileAudit(path, lambda: NOW)
    for number in range(count):
        audit.write("plan.created", actor="ann", plan_digest=f"{number:064x}", detail={"n": number, "usd": "1.50"})
    return audit


def events(path: Path) -> list[str]:
    return [str(item["event"]) for item in tail(path, 1000)]


def test_the_first_line_binds_host_and_version_and_the_chain_verifies(path: Path) -> None:
    audit = fill(path)

    first = tail(path, 10)[0]
    assert first["event"] == OPENED
    assert first["prev"] == GENESIS
    assert set(first["detail"]) == {"host", "version"}
    verdict = verify(path)
    assert verdict.ok
    assert verdict.lines == 4
    assert verdict.head == audit.head()
    assert path.stat().st_mode & 0o077 == 0


def test_a_log_that_does_not_exist_yet_is_intact_and_empty(path: Path) -> None:
    assert verify(path).ok
    assert verify(path).lines == 0
    assert FileAudit(path).head() == GENESIS
    assert tail(path, 5) == []


def test_write_returns_the_new_head(path: Path) -> None:
    audit = FileAudit(path)
    head = audit.write("job.stopped", actor="ann")
    assert head == audit.head() == verify(path).head


def test_changing_any_line_is_found_at_its_number(path: Path) -> None:
    fill(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    for index in range(len(lines)):
        entry = json.loads(lines[index])
        entry["actor"] = "mallory"
        changed = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        path.write_bytes(b"".join([*lines[:index], changed, *lines[index + 1 :]]))
        verdict = verify(path)
        assert verdict.first_bad == index + 1
        assert "seq" in verdict.text()


def test_removing_or_swapping_lines_inside_is_found(path: Path) -> None:
    fill(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert verify(path).first_bad == 3
    path.write_bytes(b"".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    assert verify(path).first_bad == 3
    path.write_bytes(b"".join(lines[1:]))
    assert verify(path).first_bad == 1


def test_writing_after_a_change_goes_on_and_the_change_stays_visible(path: Path) -> None:
    audit = fill(path, 3)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"n":2', b'"n":9'))
    audit.write("plan.approved", actor="ann")
    assert events(path)[-1] == "plan.approved"
    assert verify(path).first_bad == 4


@any_folder
@given(st.data())
def test_no_single_byte_of_a_finished_log_can_be_changed_unseen(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "byte.jsonl"
    path.unlink(missing_ok=True)
    fill(path, 3)
    whole = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(whole) - 2))  # the last newline may be lost: that is an interrupted write
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[position]))
    last_line = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    whole[position] = value
    path.write_bytes(bytes(whole))

    verdict = verify(path)

    # Bytes of the last line that are no JSON any more look like an interrupted write, and are reported as one.
    assert not verdict.ok or (position >= last_line and verdict.torn_tail)


@any_folder
@given(st.data())
def test_a_write_cut_off_at_any_byte_loses_and_hides_nothing(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "torn.jsonl"
    path.unlink(missing_ok=True)
    fill(path, 2)
    whole = path.read_bytes()
    kept = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:kept])
    before = verify(path)
    assert before.ok

    FileAudit(path, lambda: NOW).write("after.crash", actor="ann")

    after = verify(path)
    assert after.ok
    assert not after.torn_tail
    assert path.read_bytes().startswith(whole[:kept]), "what was there stays there"
    assert events(path)[-1] == "after.crash"
    assert OPENED in events(path)
    assert after.torn == int(before.torn_tail)
    assert events(path).count(TORN) == after.torn


def test_a_crash_while_recording_a_crash_is_recorded_too(path: Path) -> None:
    audit = fill(path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"actor":"ann","at"')
    audit.write("one", actor="ann")
    torn_line = path.read_bytes().splitlines(keepends=True)[-2]
    for cut in (1, len(torn_line) // 2):
        path.write_bytes(whole + b'{"actor":"ann","at"\n' + torn_line[:cut])
        audit.write("two", actor="ann")
        verdict = verify(path)
        assert verdict.ok
        assert verdict.torn == 1


def test_a_torn_end_is_told_and_not_called_broken(path: Path) -> None:
    fill(path, 2)
    with path.open("ab") as file:
        file.write(b'{"actor":')
    verdict = verify(path)
    assert verdict.ok
    assert verdict.torn_tail
    assert "interrupted" in verdict.text()


def test_garbage_inside_that_no_crash_event_binds_is_bad(path: Path) -> None:
    fill(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\x00\x00garbage\n", *lines[2:]]))
    assert verify(path).first_bad == 3


@pytest.mark.parametrize("left", [b'{"actor":"bob"', b"", b'{"actor":"ann"\n{"actor":"ann"'])
def test_what_an_interrupted_write_left_cannot_be_changed_once_it_is_recorded(path: Path, left: bytes) -> None:
    audit = fill(path, 1)
    with path.open("ab") as file:
        file.write(b'{"actor":"ann"')
    audit.write("later", actor="ann")
    assert verify(path).ok and verify(path).torn == 1
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'{"actor":"ann"\n', left + b"\n"))
    assert not verify(path).ok


def test_a_complete_json_line_is_never_excused_as_an_interrupted_write(path: Path) -> None:
    audit = fill(path, 2)
    with path.open("ab") as file:
        file.write(b'{"actor":"mallory"}\n')
    audit.write("later", actor="ann")
    assert verify(path).first_bad == 4


def test_a_line_longer_than_a_block_is_continued(path: Path) -> None:
    audit = fill(path, 1)
    audit.write("big", actor="ann", detail={f"k{number}": "x" * 1500 for number in range(200)})
    audit.write("next", actor="ann")
    assert verify(path).ok
    assert [item["event"] for item in tail(path, 2)] == ["big", "next"]


def test_outside_text_cannot_forge_lines(path: Path) -> None:
    audit = FileAudit(path)
    audit.write("x", actor='ann"\n{"seq":99}\x1b[31m', detail={"name": "a\u202eb\ud800\n{}", "p": 0.5})
    verdict = verify(path)
    assert verdict.ok
    assert verdict.lines == 2
    detail = tail(path, 1)[0]["detail"]
    assert detail == {"name": "ab\n{}", "p": "0.5"}


def test_threads_share_one_chain(path: Path) -> None:
    audit = FileAudit(path)
    threads = [threading.Thread(target=_write_ten, args=(path if number % 2 else audit.path,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(path).ok
    assert verify(path).lines == 81


def test_processes_share_one_chain(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from novaforge.server.audit import FileAudit\n"
        "audit = FileAudit(Path(sys.argv[1]))\n"
        "for number in range(10): audit.write('tick', actor='worker', detail={'n': number})"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [worker.wait(300) for worker in workers] == [0, 0, 0]
    assert verify(path).ok
    assert verify(path).lines == 31


def _write_ten(path: Path) -> None:
    audit = FileAudit(path)
    for number in range(10):
        audit.write("tick", actor="worker", detail={"n": number})


def test_an_entry_reads_back_as_it_was_written(path: Path) -> None:
    fill(path, 1)
    line = path.read_bytes().splitlines()[-1]
    entry = read_entry(line)
    assert entry is not None
    assert entry.sealed()
    assert entry.line().encode() == line
