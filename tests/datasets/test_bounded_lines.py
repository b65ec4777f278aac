"""Lines of a stream, bounded."""

import io

from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.lines import bounded_lines


@given(st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r"]), max_size=40), st.integers(1, 6))
def test_each_line_comes_whole_or_as_none_when_it_is_over_the_limit(pieces: list[bytes], most: int) -> None:
    data = b"".join(pieces)
    expected = [line if len(line) <= most else None for line in io.BytesIO(data)]
    assert list(bounded_lines(io.BytesIO(data), most)) == expected
