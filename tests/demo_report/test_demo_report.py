"""The demo's HTML page."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.server.demo.markup import table, text
from novaforge.server.demo.report import ApprovalEntry, CallEntry, DemoReport, PlanEntry, render, write_report
from novaforge.tools.evaluation.classes import ClassFigures
from novaforge.tools.evaluation.results import Comparison, Difference, EvaluationReport, Figure

HOSTILE = "</td><script>alert(1)</script><img src=http://x.test/a.png onerror=x>&\"'\x1b[31m\u202e"
PNG = b"\x89PNG\r\n\x1a\nnot really"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects tags and attributes, and checks that tags close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def shown(self) -> str:
        return " ".join(" ".join(self.words).split())


def made(outside: str = "plain", **fields: Any) -> DemoReport:
    difference = Difference(
        metric="exact_match", difference=0.642, low=0.6, high=0.684, test="mcnemar", p=0.0, p_holm=0.0, detectable=0.06,
        first=f"baseline {outside}", second="SFT",
    )  # fmt: skip
    figures = [Figure(value=0.1, se=0.01), Figure(value=0.742, se=0.02)]
    comparison = Comparison(
        jobs=[{"name": f"baseline {outside}"}, {"name": "SFT"}], rows=500, table={"exact_match": figures, "bleu": [Figure(), Figure()]},
        differences=[difference], verdict=[f"SFT is better {outside}"], notes=[outside], findings=[],
    )  # fmt: skip
    evaluation = EvaluationReport(
        job_id="e", task="gen_qa", rows=2, metrics={}, untrusted_labels=[outside], confusion=[[1, 1]], chars={}, findings=[],
        classes=[ClassFigures(precision=1, recall=0.5, f1=None, support=2)], untrusted_samples=[],
    )  # fmt: skip
    plan = PlanEntry(
        outside, "d" * 64, "submitted", Decimal("1012.74"), Decimal("50.5"), outside, outside, outside, 641
    )
    free = PlanEntry("Reward", "e" * 64, "submitted", Decimal(0), None, "", "", "")
    defaults: dict[str, Any] = {
        "title": f"Rehearsal {outside}",
        "subtitle": outside,
        "facts": [("data", outside)],
        "comparison": comparison,
        "evaluations": {f"SFT {outside}": evaluation},
        "plots": [(outside, PNG)],
        "plans": [plan, free],
        "calls": [CallEntry(outside, 1.25, outside), CallEntry("get_job", 0.0, "")],
        "approvals": [
            ApprovalEntry(outside, "approve", "elicit-form", "1012.74", outside, datetime(2026, 11, 20, tzinfo=UTC))
        ],
        "audit_head": "abc123",
        "audit_lines": 42,
    }
    return DemoReport(**(defaults | fields))


def test_the_page_holds_every_part_of_the_run() -> None:
    page = Page(render(made()))
    for wanted in (
        "What was run", "SFT is better plain", "0.742 ± 0.020", "+64.2", "+60.0 to +68.4", "< 0.001", "Per label: SFT plain",
        "$1,012.74", "$50.50", "641 s", "d" * 64, "elicit-form", "1.2 s", "abc123", "42 lines", "does not predict",
        "2026-11-20 00:00:00+00:00",
    ):  # fmt: skip
        assert wanted in page.shown, wanted


def test_the_page_is_well_formed_and_needs_nothing_but_itself() -> None:
    page = Page(render(made()))
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert page.links and all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"url\(|@import|https?:", render(made()))


def test_hostile_text_anywhere_is_shown_as_text() -> None:
    page = Page(render(made(HOSTILE)))
    assert page.open == [] and "script" not in page.tags and page.tags.count("img") == 1
    assert "<script>alert(1)</script>" in page.shown
    assert "\x1b" not in page.shown and "\u202e" not in page.shown


@given(st.text(max_size=60))
def test_any_text_comes_back_from_the_page_as_it_was_cleaned(value: str) -> None:
    page = Page(f"<p>{text(value)}</p>")
    assert page.tags == ["p"] and page.open == []


def test_dollar_signs_and_template_names_in_texts_are_left_alone() -> None:
    assert "$sections costs $5" in Page(render(made("$sections costs $5"))).shown


def test_parts_that_were_not_reached_are_left_out() -> None:
    page = Page(render(DemoReport(title="Short", subtitle="", facts=[])))
    assert page.open == [] and "table" not in page.tags
    assert "Dollars" not in page.shown and "What this proves, and what it does not" in page.shown


def test_the_dollars_are_added_up_and_an_unknown_one_is_not_counted_as_0() -> None:
    page = Page(render(made()))
    assert "together $50.50 + 1 unknown $1,012.74" in page.shown
    assert "Reward unknown $0.00" in page.shown


def test_a_plan_entry_is_taken_from_a_plan_as_the_tools_return_it() -> None:
    node = {"role": "training", "instance_type": "ml.p5.48xlarge", "count": 4, "usd_per_hour": "63.296",
            "price_source": "snapshot", "price_as_of": date(2026, 11, 1).isoformat()}  # fmt: skip
    unknown = node | {"instance_type": "ml.x", "usd_per_hour": None, "price_source": "", "price_as_of": None}
    plan = {
        "title": "Train",
        "digest": "d",
        "ceiling_usd": "10.00",
        "expected_usd": None,
        "cost_basis": "b",
        "nodes": [node, unknown],
    }
    entry = PlanEntry.of(plan, "submitted", 60)
    assert entry.machines == "4 x ml.p5.48xlarge (training), 4 x ml.x (training)"
    assert entry.price == "$63.30 an hour (snapshot, 2026-11-01), price unknown (no source)"
    assert (entry.ceiling_usd, entry.expected_usd, entry.billed_s) == (Decimal("10.00"), None, 60)


def test_an_earlier_report_is_replaced_and_no_half_file_stays(tmp_path: Path) -> None:
    folder = tmp_path / "demo-report"
    write_report(folder, made("first"))
    page = write_report(folder, made("second"))
    assert page == folder / "index.html" and "second" in page.read_text(encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == ["index.html"]


def test_a_page_of_somebody_else_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>mine</h1>", encoding="utf-8")
    with pytest.raises(InputError, match="not overwritten"):
        write_report(tmp_path, made())
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "<h1>mine</h1>"


def test_an_empty_table_is_no_table() -> None:
    assert table(("a",), []) == ""
