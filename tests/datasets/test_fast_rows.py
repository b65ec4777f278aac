"""Rows built from pieces, cuts at ranks and the search for copies agree with the plain way of doing the same."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.tools.datasets.analysis.spool import Spool
from novaforge.tools.datasets.formats.targets import row_format
from novaforge.tools.datasets.rows import Line
from novaforge.tools.datasets.shapes.templates import fast_rows
from novaforge.tools.datasets.splitting.ranks import ranks
from novaforge.tools.datasets.splitting.removed import RANGE_BITS, Removed, later_copies

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40) | st.sampled_from(
    ["@@query@@", '"@@response@@"', "\\", '"', "\x00", "line\u2028break", "System: x", " ", "\n"]
)


@pytest.mark.parametrize("method", ["SFT_LORA", "RFT_LORA", "EVALUATION"])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("prompt", [None, 'be "brief"\n@@query@@'])
@settings(max_examples=60, deadline=None)
@given(cells=st.lists(TEXT, min_size=3, max_size=3))
def test_rows_from_pieces_are_byte_for_byte_those_built_as_objects(
    method: str, named: bool, prompt: str | None, cells: list[str]
) -> None:
    target = row_format(method, "nova_lite_2")
    places = {"query": 0, "response": 1} | ({"id": 2} if named and "id" in target.fields else {})
    constants = {"system": prompt} if prompt else {}
    fast = fast_rows(target, places, constants, "data-")
    assert fast is not None
    made = fast(Line(7, cells, b""))
    fields: dict[str, Any] = {**constants, "id": "data-7", **{name: cells[place] for name, place in places.items()}}
    if any(not cells[place].strip() for place in places.values()) or target.check_fields(fields):
        assert made is None
        return
    assert made is not None
    assert made.data == orjson.dumps(target.build(fields), option=orjson.OPT_APPEND_NEWLINE)
    row = orjson.loads(made.data)
    assert (made.prompt, made.answer) == (target.prompt(row), target.answer(row))


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), min_size=6, max_size=200),
    shares=st.sampled_from([(1, 1), (3, 1), (8, 1, 1)]),
    spread=st.sampled_from([1, 2**58 + 12345]),
)
def test_parts_cut_at_ranks_have_their_sizes_up_to_groups_and_never_tear_one(
    rows: list[tuple[int, int]], shares: tuple[int, ...], spread: int
) -> None:
    hashes = np.array([number * spread % 2**64 for number, _ in rows], np.uint64)
    strata = np.array([stratum for _, stratum in rows], np.int64)

    def chunks() -> Iterator[tuple[Any, Any]]:
        for start in range(0, len(rows), 17):
            yield hashes[start : start + 17], strata[start : start + 17]

    totals = [len(rows) * share // sum(shares) for share in shares]
    totals[0] += len(rows) - sum(totals)
    parts = ranks(chunks, 4, totals).parts(hashes, strata)
    sides: dict[int, set[int]] = {}
    for value, part in zip(hashes.tolist(), parts.tolist(), strict=True):
        sides.setdefault(value, set()).add(part)
    assert all(len(found) == 1 for found in sides.values())
    assert set(parts.tolist()) <= set(range(len(shares)))
    if len(set(hashes.tolist())) == len(rows):
        sizes = Counter(parts.tolist())
        assert [sizes[part] for part in range(len(shares))] == totals


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.integers(0, 12), max_size=80))
def test_every_later_copy_is_found_with_the_place_of_the_first(values: list[int]) -> None:
    digests = Spool(4)
    for row, value in enumerate(values):
        # The second word decides where the first ones agree.
        digests.add(np.array([value // 2 << 60, value, row, row + 100], np.uint64).tobytes())
    found = {
        int(row): int(like) for rows, likes in later_copies(digests) for row, like in zip(rows, likes, strict=True)
    }
    first = {value: row for row, value in reversed(list(enumerate(values)))}
    wanted = {row: first[value] + 100 for row, value in enumerate(values) if first[value] != row}
    assert found == wanted


def test_the_first_reason_to_remove_a_row_counts_in_whichever_range_it_stands() -> None:
    gone = Removed()
    first, second = gone.reason("copy"), gone.reason("near")
    far = 3 << RANGE_BITS
    gone.add(np.array([5, far + 1], np.uint64), first, np.array([1, 2], np.uint64))
    gone.add(np.array([5, 6], np.uint64), second, np.array([9, 9], np.uint64))
    reasons, likes = gone.of_range(0)
    assert (reasons[5], likes[5], reasons[6], likes[6]) == (first, 1, second, 9)
    reasons, likes = gone.of_range(3)
    assert (reasons[1], likes[1]) == (first, 2) and not gone.of_range(1)[0].any()
