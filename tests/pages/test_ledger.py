"""Chapter 7: the ledger in sentences, figures and static HTML."""

import re
from html.parser import HTMLParser

import pytest

from helpers.ledger import claims, rules, verdicts
from helpers.pages import first_page
from helpers.pages import ledger as page
from helpers.study import architectures, data_sets
from helpers.study.settings import REPOSITORY, load_settings


@pytest.fixture(scope="module")
def judged(images):
    """The ledger against a run of profile paper without any training."""
    return verdicts.judge(claims.ledger(), load_settings("paper"), images(), {}, [])


@pytest.fixture(scope="module")
def html(judged):
    return page.whole(judged)


class Structure(HTMLParser):
    """The rows of a table as lists of (tag, class, text), and which tags were left open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.ids, self.links = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append([tag, given.get("class"), ""])
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1][2] += data


def test_every_rule_is_said_in_words():
    assert set(page.RULES_IN_WORDS) == set(rules.RULES)


def test_what_arithmetic_shows_is_told_with_its_numbers(judged):
    told = page.arithmetic(judged)
    flagged = [v for v in judged if v.consistent == "no"]
    assert f" {len(flagged)} contradict" in told
    assert f"; {len({v.fact for v in flagged})} independent facts lie behind them." in told
    assert "Seven of its eight class recalls can't occur" in told
    assert "250 images" in told
    assert "849,508 weights; it states 1,847,236, 2.17 times as many" in told


def test_the_readme_tells_what_arithmetic_and_others_show(judged):
    readme = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    told = page.arithmetic(judged)
    numbers = r"Of (\d+) .* (\d+) contradict .*; (\d+) independent"
    checked, contradict, facts = re.search(numbers, told).groups()
    assert f"Of {checked} statements of the report that arithmetic can check" in readme
    assert f"can check, {contradict} contradict" in readme
    behind = f"{facts} independent facts lie behind them."
    assert f"{behind} Seven of its eight class recalls can't occur" in readme
    others = first_page.published(data_sets.audited().published)
    assert others in readme


def test_what_several_statements_rest_on_is_told(judged):
    assert "On two of them several statements rest, 2 and 6." in page.on_facts(judged)


def test_the_recalls_that_can_occur_are_drawn_between_those_that_are_stated(overlaps):
    figure = page.possible_recalls()
    axis = figure.axes[0]
    lines = [line.get_xdata()[0] for line in axis.lines if len(line.get_xdata()) == 2]
    assert lines == pytest.approx([count / 250 for count in range(243, 249)])
    marks = {line for line in axis.lines if line.get_marker() == "D"}
    hollow = sorted(m.get_xdata()[0] for m in marks if m.get_markerfacecolor() == "white")
    assert hollow == pytest.approx([0.978, 0.981, 0.981, 0.981, 0.985, 0.985, 0.987])
    assert [m.get_xdata()[0] for m in marks if m.get_markerfacecolor() != "white"] == [
        pytest.approx(0.976)
    ]
    assert not overlaps(figure)


def test_stated_weights_stand_beside_those_counted(judged):
    table = page.weights_table(judged)
    assert list(table.index) == [e.sentence_title for e in architectures.reported()]
    assert table.loc["ResNet50", "counted"] == "24,771,210"
    assert table.loc["The custom CNN", "stated / counted"] == "2.17"
    stated = {v.id: v.stated for v in judged}["resnet50-parameters"]
    assert f"ResNet50's stated number is {stated} = 23,587,712 + " in page.forgotten_layers()


def test_the_most_broken_rules_come_first(judged):
    table = page.rules_table(judged)
    assert list(table["broken by"]) == sorted(table["broken by"], reverse=True)
    assert table.loc["A share of n images is a whole number of images"].tolist() == [9, 12]
    assert (table["broken by"] <= table["of"]).all()


@pytest.mark.parametrize(
    ("data_set", "given", "told"),
    [
        ("octmnist", {"is_official": True}, r"Of \d+ statements about OCTMNIST's images 0 are "),
        ("octmnist", {}, r"None of the \d+ statements .* is tested here, for this run used a-file"),
        ("bloodmnist", {}, r"None of the \d+ .* is tested here, for this run is about BloodMNIST"),
    ],
)
def test_what_a_run_can_test_is_told(judged, images, data_set, given, told):
    assert re.match(told, page.on_images(judged, images(data_set, **given)))


def test_the_ledger_is_light_static_and_whole(judged, html):
    assert len(html.encode()) < 300_000
    assert "<script" not in html
    structure = Structure(html)
    assert structure.open == []
    assert structure.ids == list(dict.fromkeys(structure.ids))
    assert set(structure.ids) == {f"claim-{claim.id}" for claim in claims.ledger()}
    assert {link.removeprefix("#") for link in structure.links} == set(structure.ids)
    for verdict in judged:
        assert html.count(f'id="claim-{verdict.id}"') == 1


def test_contradictions_come_first_and_each_verdict_has_its_class(judged, html):
    rows = [row for row in Structure(html).rows if len(row) == 4 and row[0][0] == "td"]
    assert len(rows) == len(judged)
    consistent = [row[2][2] for row in rows]
    flags = consistent.count("no")
    assert set(consistent[:flags]) == {"no"}
    assert consistent[flags] == "not supported"
    classes = {(cell[1], cell[2]) for row in rows for cell in row[2:]}
    assert ("verdict-not-testable", "not testable") in classes
    assert ("verdict-n-a", "n/a") in classes
    style = (claims.LEDGER.parent / "_static" / "ledger.css").read_text()
    for mark in {*verdicts.CONSISTENT, *verdicts.REPRODUCED}:
        assert f".{page._class_of(mark)}" in style, mark


def test_what_is_stated_stands_beside_what_is_right(html):
    by_claim = {row[0][2]: row[1][2] for row in Structure(html).rows if len(row) == 4}
    assert by_claim["3.1.1 Parameters: 1,847,236"] == "1,847,236 → 849,508"
    assert by_claim["5.1.1 3% higher accuracy than Custom CNN"] == "3% → 0.3 %"
    refined = "4.2.2 More Refined Localization: Better spatial precision in abnormality detection"
    assert by_claim[refined] == "a map of 1 x 1 cells"


def test_quotations_are_escaped(html):
    assert "Both models achieve &gt;98% accuracy suitable for screening" in html
