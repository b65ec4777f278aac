"""A source may be many files: in the order of their names, of one format, each accounted for."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from novaforge.guards.errors import InputError, RefusedError
from novaforge.tools.datasets.reading.source import Source, open_source
from novaforge.tools.datasets.rows import Line

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk


def lines(*values: int) -> str:
    return "".join(json.dumps({"n": value}) + "\n" for value in values)


def fill(desk: "Desk", files: dict[str, str]) -> str:
    for name, content in files.items():
        desk.write(f"data/{name}", content)
    return str(desk.folder / "data")


def read_and_identify(source: Source, rows: Iterator[Line]) -> None:
    list(rows)
    source.identity()


def numbers(desk: "Desk", uri: str) -> list[int]:
    return [row["n"] for row in desk.read(uri).rows]


def test_files_of_a_folder_are_read_in_the_order_of_their_names(desk: "Desk") -> None:
    folder = fill(desk, {"part-2.jsonl": lines(3), "part-1.jsonl": lines(1, 2), "sub/part-0.jsonl": lines(4)})
    seen = desk.read(folder)
    assert [row["n"] for row in seen.rows] == [1, 2, 3, 4] and seen.numbers == [1, 2, 1, 1]
    assert [seen.source.label(index) for index in range(3)] == ["part-1.jsonl", "part-2.jsonl", "sub/part-0.jsonl"]
    said = "".join(
        f"{hashlib.sha256((desk.folder / 'data' / file.name).read_bytes()).hexdigest()}  {file.name}\n"
        for file in seen.source.files
    )
    assert seen.identity.sha256 == hashlib.sha256(said.encode()).hexdigest()
    assert seen.identity.bytes == sum(file.bytes for file in seen.source.files) == seen.source.bytes_read
    assert [entry["name"] for entry in seen.source.file_identities()] == [file.name for file in seen.source.files]


def test_the_file_of_a_row_is_known_while_it_is_read(desk: "Desk") -> None:
    folder = fill(desk, {"a.csv": 'A,B\n1,"x\ny"\n', "b.csv": "A,B\n3,4\n5\n"})
    where: list[tuple[int, int]] = []
    with open_source(desk.ctx, folder) as source:
        for line in source.rows(lambda reject: where.append((source.current_file, -reject.line))):
            where.append((source.current_file, line.number))
    assert where == [(0, 2), (1, 2), (1, -3)]


def test_what_is_no_data_is_left_out_and_said(desk: "Desk") -> None:
    files = {"a.jsonl": lines(1), ".hidden.jsonl": lines(9), "_SUCCESS": "x", ".out.novaforge-1/b.jsonl": lines(9)}
    files |= {"manifest.json": "{}", "rejects.jsonl": lines(9), "README.md": "# hello", "empty.jsonl": ""}
    seen = desk.read(fill(desk, files))
    assert [row["n"] for row in seen.rows] == [1]
    note = seen.notes["source-files"]
    assert all(name in note for name in ("_SUCCESS", "manifest.json", "rejects.jsonl", "README.md", "empty.jsonl"))
    assert seen.source.label(0) == ""


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.jsonl", [1, 2]),
        ("a*.jsonl", [1]),
        ("**/*.jsonl", [1, 2, 3]),
        ("[ab]?.jsonl", [1, 2]),
        ("sub/*", [3]),
        ("[!a]*.jsonl", [2]),
    ],
)
def test_a_pattern_chooses_files(desk: "Desk", pattern: str, wanted: list[int]) -> None:
    folder = fill(desk, {"a1.jsonl": lines(1), "b1.jsonl": lines(2), "sub/c.jsonl": lines(3), "d.csv": "A\n"})
    assert numbers(desk, f"{folder}/{pattern}") == wanted


def test_a_name_with_signs_of_a_pattern_is_taken_as_it_is_when_there_is_one(desk: "Desk") -> None:
    assert numbers(desk, desk.write("a[1].jsonl", lines(7))) == [7]


@pytest.mark.parametrize("pattern", ["*.txt", "nothing/*.jsonl", "[z-a]*", "a[", "../**/*.jsonl/x"])
def test_a_pattern_without_files_is_an_error(desk: "Desk", pattern: str) -> None:
    with pytest.raises(InputError) as caught:
        desk.read(f"{fill(desk, {'a.jsonl': lines(1)})}/{pattern}")
    assert caught.value.fix


def test_files_of_several_formats_are_refused_with_their_names(desk: "Desk") -> None:
    folder = fill(desk, {"a.jsonl": lines(1), "b.csv": "A,B\n1,2\n", "c.jsonl": lines(2)})
    with pytest.raises(RefusedError, match=r"JSON Lines: a.jsonl, c.jsonl; CSV: b.csv"):
        desk.read(folder)


def test_a_file_whose_content_is_of_another_format_is_refused(desk: "Desk") -> None:
    folder = fill(desk, {"a.json": lines(1, 2), "b.json": json.dumps([{"n": 1}])})
    with pytest.raises(RefusedError, match=r"b.json is json, but .*a.json is jsonl"):
        desk.read(folder)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("B,A", "the order differs"),
        ("A,C", "it lacks 'B', it has also 'C'"),
        ("A", "it lacks 'B'"),
        ("A,B,C", "also 'C'"),
    ],
)
def test_headers_have_to_agree(desk: "Desk", header: str, said: str) -> None:
    folder = fill(desk, {"a.csv": "A,B\n1,2\n", "b.csv": f"{header}\n1,2\n"})
    with pytest.raises(InputError, match=said) as caught:
        desk.read(folder)
    assert "b.csv" in caught.value.message


def test_encodings_and_packings_may_differ_and_are_all_said(desk: "Desk") -> None:
    import gzip

    folder = fill(desk, {"a.csv": "A,B\nä,2\n"})
    desk.write("data/b.csv.gz", gzip.compress("A,B\nö,3\n".encode("utf-16")))
    seen = desk.read(folder)
    assert seen.rows == [["ä", "2"], ["ö", "3"]]
    assert (seen.source.encoding, seen.source.compression) == ("UTF-8, UTF-16LE", "gzip")


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_changes_while_the_others_are_read_is_an_error(desk: "Desk", which: int) -> None:
    folder = fill(desk, {"a.jsonl": lines(1), "b.jsonl": lines(2)})
    with open_source(desk.ctx, folder) as source:
        rows = source.rows(lambda reject: None)
        next(rows)
        desk.write(f"data/{'ab'[which]}.jsonl", lines(5, 6))
        with pytest.raises(InputError, match="changed while it was being read"):
            read_and_identify(source, rows)


def test_a_folder_without_data_or_behind_a_link_out_of_the_roots_is_an_error(
    desk: "Desk", tmp_path_factory: Any
) -> None:
    (desk.folder / "none").mkdir()
    with pytest.raises(InputError, match="no files with rows"):
        desk.read(str(desk.folder / "none"))
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.jsonl").write_text(lines(1), encoding="utf-8")
    os.symlink(outside / "x.jsonl", desk.folder / "none" / "x.jsonl")
    with pytest.raises(InputError, match="outside the folders"):
        desk.read(str(desk.folder / "none"))
