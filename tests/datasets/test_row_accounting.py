"""Random files of every format with random arguments: each row is written once, unchanged and in order, or listed as left out.

What is expected comes from the rows themselves and the documented hash, by other code than the tools'. The bytes must not
depend on how the source is cut into batches or on how many processes work. NOVAFORGE_FUZZ_CASES asks for more cases.
"""

import csv
import gzip
import hashlib
import io
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import NovaForgeError
from novaforge.tools.datasets.engine import run as engine
from novaforge.tools.datasets.engine.pool import Pool
from novaforge.tools.datasets.reading import opened

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

CASES = int(os.environ.get("NOVAFORGE_FUZZ_CASES", "24"))
MARK = "Zq7"
Cells = tuple[str, str, str]
TEXTS = [
    '"', "'", "\n", "\r\n", ",", ";", "\t", "|", "é", "\u2028", "\U0001f600", "\ufeff", "<p>", "\\", '\\"', "\\u0022",
    "0" * 22, "word ", "\x01", "\x7f", "null", '"",""', "\u0085",
]  # fmt: skip
BAD_JSONL = [
    b"{broken", b"[1]", b"", b"  ", b'{"q":"a","q":"b"}', b'{"q":12345678901234567890123}', b'{"q":NaN}', b"\xff{",
    b'{"q":"\\ud800"}', b"\0", b'\xef\xbb\xbf{"q":"bom"}', b'{"q":1e999}', b"[" * 2000, b'{"q":' * 500 + b"1" + b"}" * 500,
]  # fmt: skip
BAD_CSV = [b"one", b"a,b,c,d", b'"ab"c,d,e', b"", b"\xff,\xfe,x", b",,", b'"open quote', b'x" y,"z', b'a"b"c,d"e,f']
RATIOS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def _text(draw: random.Random) -> str:
    return "".join(draw.choice(TEXTS) for _ in range(draw.randint(0, 12)))


def _rows(draw: random.Random) -> list[Cells]:
    rows: list[Cells] = []
    for number in range(draw.randint(8, 100)):
        query = f"{MARK}{number}q {_text(draw)}."
        answer = draw.choice("ABC") if draw.random() < 0.8 else f"{MARK}{number}a {_text(draw)}."
        if rows and draw.random() < 0.15:
            query, answer = draw.choice(rows)[0], draw.choice([answer, draw.choice(rows)[1]])
        if draw.random() < 0.06:
            query, answer = draw.choice([("", answer), (" ", answer), (query, "")])
        rows.append((query, answer, draw.choice(["", "g1", "g2", "g3"])))
    return rows


def _table(rows: list[Cells], delimiter: str, end: str, header: bool = True) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    writer.writerows(([("q", "a", "g")] if header else []) + rows)
    return buffer.getvalue().encode()


def _damaged_csv(draw: random.Random, rows: list[Cells]) -> bytes:
    lines = [b"q,a,g\n"]
    for row in rows:
        lines.append(_table([row], ",", "\n", header=False))
        if draw.random() < 0.1:
            lines.append(draw.choice(BAD_CSV) + b"\n")
    return b"".join(lines)


def _jsonl(draw: random.Random, rows: list[Cells], bad: float) -> bytes:
    lines: list[bytes] = []
    for row in rows:
        lines.append(json.dumps(dict(zip("qag", row, strict=True)), ensure_ascii=draw.random() < 0.5).encode())
        if draw.random() < bad:
            lines.append(draw.choice(BAD_JSONL))
    return draw.choice([b"\n", b"\r\n"]).join(lines) + draw.choice([b"", b"\n"])


def _arrow(draw: random.Random, rows: list[Cells], how: str) -> bytes:
    import pyarrow as pa
    from pyarrow import feather, parquet

    kind = draw.choice([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
    table = pa.table({name: pa.array([row[at] for row in rows], kind) for at, name in enumerate("qag")})
    buffer = io.BytesIO()
    if how == "parquet":
        parquet.write_table(table, buffer, row_group_size=draw.choice([3, 1000]))
    else:
        feather.write_feather(table, buffer)
    return buffer.getvalue()


def _objects(rows: list[Cells]) -> list[dict[str, str]]:
    return [dict(zip("qag", row, strict=True)) for row in rows]


FORMATS: dict[str, tuple[str, Callable[[random.Random, list[Cells]], bytes]]] = {
    "csv": ("csv", lambda draw, rows: _table(rows, ",", draw.choice(["\n", "\r\n"]))),
    "semicolons": ("csv", lambda draw, rows: _table(rows, ";", "\n")),
    "tsv": ("tsv", lambda draw, rows: _table(rows, "\t", "\n")),
    "utf16": ("csv", lambda draw, rows: _table(rows, ",", "\n").decode().encode("utf-16")),
    "damaged csv": ("csv", _damaged_csv),
    "jsonl": ("jsonl", lambda draw, rows: _jsonl(draw, rows, 0)),
    "damaged jsonl": ("jsonl", lambda draw, rows: _jsonl(draw, rows, 0.2)),
    "json": ("json", lambda draw, rows: json.dumps(_objects(rows), indent=draw.choice([None, 1])).encode()),
    "object": ("json", lambda draw, rows: json.dumps({"version": 1, "data": _objects(rows)}).encode()),
    "parquet": ("parquet", lambda draw, rows: _arrow(draw, rows, "parquet")),
    "feather": ("feather", lambda draw, rows: _arrow(draw, rows, "feather")),
}


def _packed(draw: random.Random, suffix: str, data: bytes) -> tuple[str, bytes]:
    """Pack in two members or frames, so that one ends in the middle."""
    import zstandard

    how, half = draw.choice(["", "", "gz", "zst"]), len(data) // 2
    if suffix in ("parquet", "feather") or not how:
        return suffix, data
    pack = gzip.compress if how == "gz" else zstandard.compress
    return f"{suffix}.{how}", pack(data[:half]) + pack(data[half:])


def _source(draw: random.Random, desk: "Desk", name: str, rows: list[Cells]) -> str:
    suffix, make = FORMATS[name]
    cuts = sorted(draw.sample(range(1, len(rows)), draw.choice([0, 0, 1, 3])))
    parts = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    seed = draw.random()
    for number, part in enumerate(parts):
        # One way of packing for all parts.
        ending, data = _packed(random.Random(seed), suffix, make(draw, part))
        uri = desk.write(f"in/part{number}.{ending}", data)
    return uri if len(parts) == 1 else str(desk.folder / "in")


def _arguments(draw: random.Random) -> dict[str, Any]:
    given: dict[str, Any] = {"method": draw.choice(["SFT_LORA", "RFT_LORA", "EVALUATION"])}
    split = draw.choice([None, RATIOS, RATIOS, {"train": draw.randint(2, 6), "test": draw.randint(2, 3)}])
    if split is not None:
        given |= {"split": split, "seed": draw.randint(0, 5)}
        given |= draw.choice([{}, {}, {"group_by": "g"}, {"stratify_by": "a"}, {"stratify_by": "g"}])
    offered: list[dict[str, Any]] = [
        {"max_chars": 60},
        {"exact_duplicates": True},
        {"near_duplicates": True},
        {"invalid_rows": True},
    ]
    filters = {key: value for each in offered if draw.random() < 0.25 for key, value in each.items()}
    return given | ({"filters": filters} if filters else {})


def _said(row: dict[str, Any], method: str) -> tuple[str, str]:
    if method == "SFT_LORA":
        return row["messages"][0]["content"][0]["text"], row["messages"][1]["content"][0]["text"]
    if method == "RFT_LORA":
        return row["messages"][-1]["content"], row["reference_answer"]
    return row["query"], row["response"]


def _files(folder: Path) -> dict[str, bytes]:
    """Return what was written, the manifest without the time."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(found["manifest.json"])
    del manifest["created_at"]
    return found | {"manifest.json": json.dumps(manifest, sort_keys=True).encode()}


def _once(desk: "Desk", source: str, target: str, given: dict[str, Any]) -> tuple[Any, dict[str, bytes] | str]:
    try:
        result = desk.transform(source, target, columns={"query": "q", "response": "a"}, **given)
    except NovaForgeError as error:
        assert MARK not in str(error.as_data()) and not (desk.folder / target).exists()
        return None, f"{type(error).__name__} {error}".replace(target, "TARGET")
    return result, _files(desk.folder / target)


def _check(result: Any, files: dict[str, bytes], rows: list[Cells], given: dict[str, Any], name: str) -> None:
    manifest = json.loads(files["manifest.json"])
    for file in manifest["files"]:
        data = files[file["name"]]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    rejects = [json.loads(line) for line in files.get("rejects.jsonl", b"").splitlines()]
    assert len(rejects) == result.rejected["rows"] and MARK.encode() not in files.get("rejects.jsonl", b"")
    assert MARK not in result.text() + str(result.findings)
    assert result.rows_read == result.rows_written + result.rows_unused + len(rejects)
    parts = {
        part.split(".")[0].split("/")[0]: [
            _said(json.loads(line), given["method"]) for line in data.split(b"\n") if line
        ]
        for part, data in files.items()
        if part.endswith(".jsonl") and part != "rejects.jsonl"
    }
    assert sum(map(len, parts.values())) == result.rows_written
    if not name.startswith("damaged"):
        _check_rows(result, parts, [row[:2] for row in rows])
    _check_split(parts, rows, given)


def _check_rows(result: Any, parts: dict[str, list[tuple[str, str]]], rows: list[tuple[str, str]]) -> None:
    assert result.rows_read == len(rows)
    left = Counter(rows)
    left.subtract(said for part in parts.values() for said in part)
    assert min(left.values()) >= 0, "a row was changed or written twice"
    assert left.total() == result.rejected["rows"] + result.rows_unused
    for part in parts.values():
        rest = iter(rows)
        assert all(said in rest for said in part), "rows change their order"


def _check_split(parts: dict[str, list[tuple[str, str]]], rows: list[Cells], given: dict[str, Any]) -> None:
    groups: dict[tuple[str, str], set[str]] = {}
    for query, answer, group in rows:
        groups.setdefault((query, answer), set()).add((group or query) if given.get("group_by") else query)
    places: dict[str, set[str]] = {}
    for part, said in parts.items():
        for row in said:
            for group in groups.get(row, set()) if len(groups.get(row, set())) == 1 else ():
                places.setdefault(group, set()).add(part)
    assert all(len(place) == 1 for place in places.values()), "a group is in two parts"
    if given.get("split") == RATIOS and "stratify_by" not in given:
        for group, place in places.items():
            key = hashlib.sha256(str(given["seed"]).encode()).digest()
            value = int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8, key=key).digest(), "big") / 2**64
            assert place == {"train" if value < 0.6 else "validation" if value < 0.8 else "test"}


@pytest.fixture
def cut_and_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int], None]]:
    """Return how to say the size of batches and the number of workers; this process waits for them to start."""
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(Pool, "any_ready", property(lambda pool: True))

    def use(size: int, workers: int) -> None:
        monkeypatch.setattr(opened, "block_bytes", lambda total: size)
        monkeypatch.setattr(engine, "workers_for", lambda total: workers)

    yield use


@pytest.mark.parametrize("seed", range(CASES))
def test_each_row_is_written_once_or_listed_whoever_reads_it(
    desk: "Desk", cut_and_work: Callable[[int, int], None], seed: int
) -> None:
    draw = random.Random(seed)
    name = list(FORMATS)[seed % len(FORMATS)]
    rows, given = _rows(draw), _arguments(draw)
    source = _source(draw, desk, name, rows)
    cut_and_work(1_000_000, 0)
    result, files = _once(desk, source, "out", given)
    for number, workers in enumerate([0, draw.choice([1, 2, 3])]):
        cut_and_work(draw.choice([64, 300, 1500]), workers)
        assert _once(desk, source, f"again{number}", given)[1] == files
    if isinstance(files, dict):
        _check(result, files, rows, given, name)
