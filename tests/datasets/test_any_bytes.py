"""Whatever a file holds and whatever it is called: rows, rejects, or an error that says what to do."""

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import NovaForgeError

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

NAMES = [
    "d.csv", "d.tsv", "d.jsonl", "d.json", "d.txt", "d.md", "d.parquet", "d.arrow", "d.feather", "d.xlsx", "d.xls",
    "d.ods", "d.xlsb", "d.gz", "d.csv.gz", "d.json.zst", "d", "d.bin",
]  # fmt: skip
MAGIC = [
    b"", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff", b"PK\x03\x04xl/",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"[", b"{", b'{"a":[{', b"A,B\n",
]  # fmt: skip
PIECES = [
    b'{"a": 1}',
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b'"',
    b"\\",
    b"\n",
    b"\r\n",
    b"\0",
    b"a;b|c\td",
    b"\xe9",
    b"\xc3\xa9",
    b"1e999",
    b" ",
]
BYTES = st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


def described(seen: Any) -> None:
    source = seen.source
    assert source.format and (source.encoding or not source.delimiter)
    assert source.bytes_read == source.bytes_total == seen.identity.bytes
    for line in seen.lines:
        assert isinstance(line.record, dict if source.columns is None else list) and line.number >= 1
    assert all(reject.line >= 1 and reject.reason for reject in seen.rejects)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(MAGIC), BYTES)
def test_any_bytes_under_any_name_are_read_or_refused(new_desk: Any, name: str, magic: bytes, data: bytes) -> None:
    desk: Desk
    with new_desk() as desk:
        try:
            described(desk.read(desk.write(name, magic + data)))
        except NovaForgeError as error:
            assert error.fix and error.message


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), BYTES), min_size=1, max_size=4))
def test_any_files_in_a_folder_are_read_or_refused(new_desk: Any, files: list[tuple[str, bytes]]) -> None:
    desk: Desk
    with new_desk() as desk:
        for number, (name, data) in enumerate(files):
            desk.write(f"data/{number}{name}", data)
        try:
            described(desk.read(str(desk.folder / "data")))
        except NovaForgeError as error:
            assert error.fix and error.message
