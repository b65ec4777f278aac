"""The plots of evaluations."""

import struct

from novaforge.tools.evaluation.plots import comparison_png, confusion_png
from novaforge.tools.evaluation.results import Figure


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_confusion_matrix_grows_with_its_labels() -> None:
    small = size(confusion_png([[3, 1, 0], [0, 4, 1]], ["HQ", "LQ"]))
    large = size(confusion_png([[1] * 21 for _ in range(20)], [f"label {place}" for place in range(20)]))
    assert large > small and large[0] < 3000


def test_labels_with_markup_other_scripts_or_great_length_are_drawn_as_they_are() -> None:
    assert size(confusion_png([[0, 0, 0], [0, 0, 0]], [r"$\frac{a", "質問" * 30]))


def test_a_comparison_draws_scores_on_0_to_1_and_leaves_bleu_out() -> None:
    figures = [Figure(value=0.1, se=0.02), Figure(value=0.8, se=None)]
    with_bleu = comparison_png({"exact_match": figures, "bleu": figures}, ["a", "$b^$ {"])
    assert size(with_bleu) == size(comparison_png({"exact_match": figures}, ["a", "$b^$ {"]))
