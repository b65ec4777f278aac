"""Every rule speaks when it should, is silent when it should be, and never passes what it could not see."""

import importlib.util
import json
from pathlib import Path

import pytest

from novaforge.guards.rules.facts import Known, RecipeFacts
from novaforge.guards.rules.rule import Rule, apply_rules
from novaforge.guards.rules.sources import SOURCES
from novaforge.guards.rules.table import RULES, check_training

_spec = importlib.util.spec_from_file_location("examples_of_rules", Path(__file__).with_name("examples_of_rules.py"))
assert _spec is not None and _spec.loader is not None
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)

BY_ID = {rule.id: rule for rule in RULES}


def _says(rule: Rule, facts: object) -> list[tuple[str, str]]:
    return [(found.rule, found.severity) for found in apply_rules((rule,), facts)]  # type: ignore[arg-type]  # facts built by path


def test_rule_ids_are_unique() -> None:
    assert len(BY_ID) == len(RULES)


def test_every_rule_has_an_example_that_makes_it_speak() -> None:
    assert set(examples.SPEAKS) == set(BY_ID)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_names_known_sources_and_a_date(rule: Rule) -> None:
    assert [key for key in rule.source.split(",") if key not in SOURCES] == []
    assert rule.checked_on.year >= 2026


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_speaks_with_its_severity_and_a_message(rule: Rule) -> None:
    method, severity, change = examples.SPEAKS[rule.id]
    facts = examples.changed(examples.good(method), change)
    assert (rule.id, severity) in _says(rule, facts)
    assert all(found.message for found in apply_rules((rule,), facts))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_silent_on_good_facts_and_just_inside_its_limit(rule: Rule) -> None:
    for method in rule.methods:
        assert _says(rule, examples.good(method)) == []
    method, change = examples.SILENT.get(rule.id, (min(rule.methods), {}))
    assert _says(rule, examples.changed(examples.good(method), change)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_whose_facts_are_unknown_is_not_checked_and_never_passes(rule: Rule) -> None:
    method, _, change = examples.SPEAKS[rule.id]
    facts = examples.changed(examples.good(method), change)
    if _says(rule, examples.unknown(facts, "no permission")) == _says(rule, facts):
        return  # it looks only at what the plan itself decides, which is always known
    found = apply_rules((rule,), examples.unknown(facts, "no permission"))
    absent_means_nothing = {"PL5", "PL6"}
    if rule.id not in absent_means_nothing:
        assert [(item.rule, item.severity) for item in found] == [(rule.id, "not_checked")]
        assert "no permission" in found[0].message


@pytest.mark.parametrize("method", ["SFT_LORA", "RFT_LORA", "EVALUATION"])
def test_a_good_plan_has_no_finding(method: str) -> None:
    assert check_training(examples.good(method)) == []


def test_rules_that_lack_the_same_fact_share_one_finding() -> None:
    facts = examples.changed(examples.good("SFT_LORA"), {"recipe": RecipeFacts()})
    found = [item for item in check_training(facts) if item.severity == "not_checked"]
    assert len(found) == 1
    assert {"LR1", "WU1", "ST6"} <= set(found[0].rule.split())
    assert found[0].count == len(found[0].rule.split())


def test_an_illegal_count_names_the_nearest_legal_ones_with_their_price() -> None:
    facts = examples.changed(examples.good("SFT_LORA"), {"machine.count": 5})
    (found,) = check_training(facts)
    assert found.fix == "instance_count: 4 ($253.18 per hour) or 8 ($506.37 per hour)"


def test_a_count_only_the_recipe_file_lists_is_put_to_the_person() -> None:
    change = {"machine.count": 1, "machine.doubtful_counts": (1,)}
    (found,) = check_training(examples.changed(examples.good("SFT_LORA"), change))
    assert (found.rule, found.severity) == ("PL1", "confirm")


def test_a_quota_of_zero_names_the_quota_and_where_to_ask_for_more() -> None:
    facts = examples.changed(examples.good("SFT_LORA"), {"machine.quota": 0})
    (found,) = check_training(facts)
    assert "L-82E1C851" in found.message
    assert found.fix.startswith("ask for more at https://console.aws.amazon.com/servicequotas/")


def _recipe(method: str, values: dict[str, object]) -> list[tuple[str, str]]:
    facts = examples.good(method)
    change = {f"recipe.{name}": Known(value) for name, value in values.items()}
    return [(found.rule, found.severity) for found in check_training(examples.changed(facts, change))]


def test_awss_sft_template_never_reaches_its_rate() -> None:
    change = {"recipe.max_steps": 10, "recipe.save_steps": 10, "data.rows": 320}
    facts = examples.changed(examples.good("SFT_LORA"), change)
    found = check_training(facts)
    assert [(item.rule, item.severity) for item in found] == [("WU1", "block")]
    assert found[0].fix == 'overrides={"max_steps": 10, "warmup_steps": 2, "save_steps": 10}'


def test_awss_sft_recipe_file_has_no_finding() -> None:
    assert _recipe("SFT_LORA", {"max_steps": 100, "warmup_steps": 15, "save_steps": 100, "max_length": 8192}) == []


def test_awss_rft_sample_of_two_steps_writes_no_checkpoint() -> None:
    found = _recipe("RFT_LORA", {"max_steps": 2, "save_steps": 5, "global_batch_size": 64})
    assert found == [("ST1", "block"), ("ST4", "warn"), ("ST6", "block")]


def test_awss_rft_recipe_file_is_greedy_and_ten_times_the_documented_rate() -> None:
    shipped: dict[str, object] = {
        "lr": 1e-4,
        "max_steps": 60,
        "save_steps": 60,
        "global_batch_size": 64,
        "number_generation": 2,
    }
    shipped |= {"top_k": 1, "temperature": 1.0, "max_new_tokens": 6000, "reasoning_effort": "high"}
    assert _recipe("RFT_LORA", shipped) == [
        ("LR4", "confirm"),
        ("SL5", "warn"),
        ("RL1", "warn"),
        ("RL2", "confirm"),
    ]


def test_the_suggested_schedule_satisfies_every_schedule_rule() -> None:
    for rows in (64, 100, 3500, 200_000):
        change = {"recipe.max_steps": 10, "recipe.save_steps": 10, "data.rows": rows}
        facts = examples.changed(examples.good("SFT_LORA"), change)
        fix = next(found.fix for found in check_training(facts) if found.rule == "WU1")
        values = json.loads(fix.removeprefix("overrides="))
        again = examples.changed(facts, {f"recipe.{name}": value for name, value in values.items()})
        again = examples.changed(again, {"machine.max_runtime_s": 10**7, "machine.expected_s": 10**7})
        assert [found.rule for found in check_training(again)] == []


def test_a_suggested_max_length_holds_ninety_nine_percent_of_the_rows() -> None:
    good = examples.good("SFT_LORA")
    (short,) = check_training(examples.changed(good, {"data.row_tokens_p95": 500, "data.row_tokens_p99": 600}))
    (long,) = check_training(examples.changed(good, {"data.row_tokens_p95": 500, "data.row_tokens_p99": 1500}))
    assert (short.fix, long.fix) == ('"max_length": 1024 would do', '"max_length": 2048 would do')
    assert check_training(examples.changed(good, {"data.row_tokens_p95": 500, "data.row_tokens_p99": 60_000})) == []
