"""Parquet, Arrow and Feather rows are what was put in, as JSON; what JSON cannot hold is named."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from novaforge.guards.errors import InputError, NovaForgeError, RefusedError
from novaforge.tools.datasets.reading import columnar
from novaforge.tools.datasets.rows import ROW_BYTES

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def write(table: pa.Table, path: Path, how: str) -> str:
    if how == "parquet":
        parquet.write_table(table, path, row_group_size=700)
    elif how == "feather":
        feather.write_feather(table, str(path))
    else:
        with (
            pa.OSFile(str(path), "wb") as sink,
            (ipc.new_file if how == "arrow" else ipc.new_stream)(sink, table.schema) as out,
        ):
            out.write_table(table, max_chunksize=300)
    return str(path)


WAYS = [
    ("data.parquet", "parquet"),
    ("data.arrow", "arrow"),
    ("data.ipc", "stream"),
    ("data.feather", "feather"),
    ("noname", "arrow"),
]


@pytest.mark.parametrize(("name", "how"), WAYS)
def test_nested_rows_come_back_as_they_were_written(desk: "Desk", name: str, how: str) -> None:
    rows = [
        {
            "text": f"a\r\n{index}\u2028",
            "n": index,
            "list": [{"role": "user", "content": None}] * (index % 3),
            "x": index / 8,
            "none": None,
        }
        for index in range(2000)
    ]
    seen = desk.read(write(pa.Table.from_pylist(rows), desk.folder / name, how))
    assert seen.rows == rows and not seen.rejects and seen.numbers == list(range(1, 2001))
    assert seen.source.format in ("parquet", "arrow") and seen.source.columns is None
    assert seen.identity.bytes == (desk.folder / name).stat().st_size and seen.source.bytes_read == seen.identity.bytes


def test_times_decimals_and_categories_become_text_that_says_the_same(desk: "Desk") -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678000)
    table = pa.table({
        "date": pa.array([date(2026, 1, 2), None]),
        "at": pa.array([at, None], pa.timestamp("us")),
        "utc": pa.array([at.replace(tzinfo=UTC), None], pa.timestamp("ms", "UTC")),
        "ns": pa.array([1, None], pa.timestamp("ns")),
        "whole_ns": pa.array([1_000, None], pa.timestamp("ns")),
        "time": pa.array([time(1, 2), None], pa.time64("ns")),
        "price": pa.array([Decimal("1.50"), None], pa.decimal128(5, 2)),
        "kind": pa.array(["HQ", None]).dictionary_encode(),
        "big": pa.array([2**64 - 1, None], pa.uint64()),
        "old_text": pa.array(["é".encode(), None], pa.binary()),
        "inside": pa.array([{"when": [at]}, None], pa.struct([("when", pa.list_(pa.timestamp("ns")))])),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
    })  # fmt: skip
    seen = desk.read(write(table, desk.folder / "data.parquet", "parquet"))
    assert seen.rows[0] == {
        "date": "2026-01-02", "at": "2026-01-02T03:04:05.678000", "utc": "2026-01-02T03:04:05.678000+00:00",
        "ns": "1970-01-01T00:00:00.000000001", "whole_ns": "1970-01-01T00:00:00.000001", "time": "01:02:00",
        "price": "1.50", "kind": "HQ", "big": 2**64 - 1, "old_text": "é", "inside": {"when": ["2026-01-02T03:04:05.678000"]},
        "map": {"k": 1},
    }  # fmt: skip
    assert set(seen.rows[1].values()) == {None}


def test_numbers_json_cannot_write_and_bytes_that_are_no_text_are_rejects(desk: "Desk") -> None:
    table = pa.table({
        "x": [1.0, float("nan"), 2.0, None, 3.0, 4.0],
        "in": [[1.0], [2.0], [float("inf")], [], None, [5.0]],
        "b": pa.array([b"a", b"b", b"c", b"d", b"\xff", b"f"], pa.binary()),
    })  # fmt: skip
    seen = desk.read(write(table, desk.folder / "data.parquet", "parquet"))
    assert seen.numbers == [1, 4, 6]
    assert [(reject.line, reject.reason, reject.detail) for reject in seen.rejects] == [
        (2, "value that JSON cannot hold", "column x"),
        (3, "value that JSON cannot hold", "column in"),
        (5, "value that JSON cannot hold", "column b"),
    ]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([{"bytes": b"x"}], pa.struct([("bytes", pa.binary())])), "'image'"),
        (pa.array([1], pa.duration("s")), "'image'"),
    ],
)
def test_columns_json_cannot_hold_are_refused_by_name(desk: "Desk", column: Any, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as caught:
        desk.read(write(pa.table({"text": ["a"], "image": column}), desk.folder / "data.parquet", "parquet"))
    assert caught.value.fix


def test_columns_of_the_same_name_and_rows_over_the_limit_are_named(desk: "Desk") -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["t", "t"])
    with pytest.raises(RefusedError, match="same name: 't'"):
        desk.read(write(twice, desk.folder / "twice.parquet", "parquet"))
    large = pa.table({"t": ["x" * (ROW_BYTES + 1), "small"]})
    seen = desk.read(write(large, desk.folder / "large.parquet", "parquet"))
    assert seen.rows == [{"t": "small"}] and seen.rejects[0].reason == "row over 1 MB"


def test_old_feather_files_are_refused_by_name(desk: "Desk") -> None:
    with pytest.raises(RefusedError, match="Feather version 1"):
        desk.read(desk.write("data.feather", b"FEA1" + b"\0" * 100))


@pytest.mark.parametrize(("name", "how"), WAYS[:3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_end_in_rows_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, new_desk: Any, name: str, how: str, data: st.DataObject
) -> None:
    with new_desk() as desk:
        good = Path(
            write(pa.table({"t": ["abc", "def"] * 9, "n": list(range(18))}), desk.folder / name, how)
        ).read_bytes()
        place = data.draw(st.integers(4, len(good) - 1))
        cut = data.draw(st.booleans())
        bad = good[:place] if cut else good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
        try:
            desk.read(desk.write(name, bad))
        except NovaForgeError as error:
            assert error.fix


def test_a_file_without_rows_has_none(desk: "Desk") -> None:
    seen = desk.read(write(pa.table({"t": pa.array([], pa.string())}), desk.folder / "none.parquet", "parquet"))
    assert seen.rows == [] and seen.identity.rows == 0


def test_a_packed_parquet_file_is_refused_with_a_way_out(desk: "Desk") -> None:
    import gzip

    path = write(pa.table({"t": ["a"]}), desk.folder / "data.parquet", "parquet")
    with pytest.raises(RefusedError, match="packed with gzip"):
        desk.read(desk.write("data.parquet.gz", gzip.compress(Path(path).read_bytes())))


def saved(folder: Path, parts: int) -> None:
    folder.mkdir(parents=True)
    names = [f"data-{number:05}-of-{parts:05}.arrow" for number in range(parts)]
    for number, name in enumerate(names):
        write(pa.table({"text": [f"{number}-{row}" for row in range(3)]}), folder / name, "stream")
    files = ",".join(f'{{"filename": "{name}"}}' for name in names)
    (folder / "state.json").write_text(f'{{"_data_files": [{files}], "_split": "train"}}', encoding="utf-8")
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")


def test_a_dataset_saved_by_hugging_face_is_read_in_its_order(desk: "Desk") -> None:
    saved(desk.folder / "ds", 12)
    seen = desk.read(str(desk.folder / "ds"))
    assert [row["text"] for row in seen.rows] == [f"{part}-{row}" for part in range(12) for row in range(3)]
    assert "saved by Hugging Face" in seen.notes["source-saved"] and seen.source.label(1).startswith("data-00001")


def test_a_split_of_a_saved_dictionary_is_named_behind_a_hash(desk: "Desk") -> None:
    for split in ("train", "test"):
        saved(desk.folder / "dd" / split, 1)
    desk.write("dd/dataset_dict.json", '{"splits": ["train", "test"]}')
    where = str(desk.folder / "dd")
    assert len(desk.read(f"{where}#test").rows) == 3
    for uri in (where, f"{where}#other", f"{where}#../ds"):
        with pytest.raises(InputError, match="splits train, test"):
            desk.read(uri)


@pytest.mark.parametrize(
    "state", ["{}", "nonsense", '{"_data_files": [{"filename": "../x.arrow"}]}', '{"_data_files": 3}']
)
def test_a_saved_dataset_that_is_damaged_is_an_error(desk: "Desk", state: str) -> None:
    desk.write("ds/state.json", state)
    with pytest.raises(InputError) as caught:
        desk.read(str(desk.folder / "ds"))
    assert caught.value.fix


def test_a_chunk_that_unpacks_to_far_more_than_it_takes_is_refused_unread(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"query": ["x" * 400_000, "y"], "response": ["a", "b"]})
    path = str(desk.folder / "bomb.parquet")
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    assert len(desk.read(path).rows) == 2
    monkeypatch.setattr(columnar, "_MOST_UNPACKED", 100_000)
    with pytest.raises(RefusedError, match="unpacks to 400"):
        desk.read(path)
    monkeypatch.setattr(columnar, "_MOST_TIMES", 100_000)
    assert len(desk.read(path).rows) == 2


def test_a_stream_cut_off_between_batches_is_told(desk: "Desk") -> None:
    table = pa.table({"a": ["x", "y", "z"]})
    path = desk.folder / "rows.arrow"
    with pa.OSFile(str(path), "wb") as sink, ipc.new_stream(sink, table.schema) as out:
        for batch in table.to_batches(max_chunksize=1):
            out.write_batch(batch)
    whole = desk.read(str(path))
    assert len(whole.rows) == 3 and not whole.notes
    path.write_bytes(path.read_bytes()[:-8])
    cut = desk.read(str(path))
    assert len(cut.rows) == 3 and "rows may be missing" in cut.notes["source-arrow-end"]
