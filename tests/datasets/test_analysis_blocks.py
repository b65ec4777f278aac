"""What is done for many texts or records at once gives what doing it one by one gives."""

import random
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.datasets.analysis.folded import END, folded_together
from novaforge.tools.datasets.analysis.groups import recurring
from novaforge.tools.datasets.analysis.minhash import signatures
from novaforge.tools.datasets.analysis.shingles import Template, windows

TEXTS = st.lists(st.text(max_size=60), min_size=1, max_size=8)


def joined(texts: list[str]) -> bytes:
    return folded_together(END.join([*(text.encode("utf-8", "surrogatepass") for text in texts), b""]))


@given(TEXTS)
def test_padded_texts_have_the_same_set_of_pieces_and_the_count_of_the_whole_list(texts: list[str]) -> None:
    exact, quick = windows(joined(texts)).pieces(), windows(joined(texts)).padded()
    counts = windows(joined(texts)).counts

    assert np.diff(exact.starts).tolist() == counts.tolist()
    for at, count in enumerate(counts):
        alone = set(exact.hashes[exact.starts[at] : exact.starts[at + 1]].tolist())
        if count:
            assert set(quick.hashes[quick.starts[at] : quick.starts[at + 1]].tolist()) == alone


def test_a_signature_is_that_of_the_set_of_pieces_and_does_not_depend_on_the_neighbours() -> None:
    rng = random.Random(3)
    texts = ["".join(rng.choices("abcdefgh é日", k=rng.randint(60, 400))) for _ in range(40)]
    together = signatures(windows(joined(texts)).padded(), 64)

    for at, text in enumerate(texts):
        assert together[at].tolist() == signatures(windows(joined([text])).pieces(), 64)[0].tolist()


def test_without_a_template_every_piece_counts() -> None:
    found = windows(joined(["one text that is long enough to have pieces", "short"]))

    assert (
        Template(()).pieces(found)[1].tolist()
        == found.counts.tolist()
        == [len("onetextthatislongenoughtohavepieces") - 17, 0]
    )


@given(st.lists(st.integers(0, 12), max_size=40))
def test_the_records_that_recur_are_those_whose_key_is_there_twice(keys: list[int]) -> None:
    records = np.array([keys, range(len(keys))], np.uint64).T.reshape(-1, 2)
    counts = Counter(keys)

    assert recurring(records, 0)[:, 1].tolist() == [at for at, key in enumerate(keys) if counts[key] > 1]
