"""Chapter 6: the ledger in tables and sentences."""

import re

import pytest

from helpers.ledger import claims, rules, verdicts
from helpers.pages import discussion as page
from helpers.study.settings import load_settings


@pytest.fixture(scope="module")
def judged(images):
    """The ledger against a run of profile paper without any training."""
    return verdicts.judge(claims.ledger(), load_settings("paper"), images(), {}, [])


def test_every_rule_is_said_in_words():
    assert set(page.RULES_IN_WORDS) == set(rules.RULES)


def test_every_verdict_is_shown(judged):
    table = page.ledger_table(judged)
    assert len(table) == len(claims.ledger())
    assert table.set_index("id").loc["test-images", "stated"] == "1,000"
    broken = page.rules_table(judged)["broken by"]
    assert list(broken) == sorted(broken, reverse=True)
    assert broken.iloc[-1] == 0
    asked, impossible = page.recalls_of_classes(judged)
    assert (len(asked), len(impossible)) == (8, 7)


def test_the_ledger_can_be_filtered_without_a_network(judged):
    by = ("section", "consistent", "reproduced")
    html = page.filterable(page.ledger_table(judged), by)
    assert "searchPanes" in html
    assert not re.search(r"(src|href|from)\s*=?\s*['\"]https?://", html)


@pytest.mark.parametrize(
    ("data_set", "given", "told"),
    [
        ("octmnist", {"is_official": True}, "lie inside this run's intervals, "),
        ("octmnist", {}, "None of them is tested here, for this run used a-file; `make book"),
        ("bloodmnist", {}, "None of them is tested here, for this run is about BloodMNIST; `make"),
    ],
)
def test_what_a_run_can_test_is_told(judged, images, data_set, given, told):
    said = page.on_this_run(judged, images(data_set, **given))
    assert re.match(r"\d+ statements are about OCTMNIST", said)
    assert told in said
    assert re.search(r"Of the other \d+, which need no data, this run tests \d+\.$", said)
