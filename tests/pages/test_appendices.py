"""The appendices: the checklists hold every item of theirs, and each is answered."""

import re

import pytest

from helpers.study.settings import REPOSITORY

PAGE = (REPOSITORY / "book" / "reporting-checklists.md").read_text()
# Items with sub-items a, b, ... of TRIPOD+AI (Collins et al. 2024) and how many; CLAIM has none.
TRIPOD_PARTS = {3: 3, 5: 2, 6: 3, 8: 3, 9: 3, 12: 7, 18: 6, 20: 3, 23: 2, 27: 3}
ITEMS = {
    "TRIPOD+AI": [
        f"{item}{'abcdefg'[part] if item in TRIPOD_PARTS else ''}"
        for item in range(1, 28)
        for part in range(TRIPOD_PARTS.get(item, 1))
    ],
    "CLAIM 2024": [str(item) for item in range(1, 45)],
}


@pytest.mark.parametrize("checklist", ITEMS)
def test_a_checklist_holds_every_item_once_and_answers_it(checklist):
    section = PAGE.split(f"\n## {checklist}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \*\*(\w+)\*\* .+? \| (.+) \|$", section, re.MULTILINE)
    assert [item for item, _ in rows] == ITEMS[checklist]
    for item, answer in rows:
        assert re.search(
            r"\]\[[\w-]+\]|^\*\*Not (done|applicable)\.\*\* \w|^Here: |button", answer
        ), item


@pytest.mark.parametrize("name", ["model-card", "datasheet", "reporting-checklists"])
def test_every_link_of_an_appendix_has_a_target_and_every_target_a_link(name):
    text = (REPOSITORY / "book" / f"{name}.md").read_text()
    targets = re.findall(r"^\[([\w-]+)\]: \S+$", text, re.MULTILINE)
    assert sorted(set(re.findall(r"\]\[([\w-]+)\]", text))) == targets


@pytest.mark.parametrize("checklist", ITEMS)
def test_the_totals_of_a_checklist_are_counted(checklist):
    section = PAGE.split(f"\n## {checklist}\n")[1].split("\n## ")[0]
    answers = re.findall(r"^\| \*\*\w+\*\* .+? \| (.+) \|$", section, re.MULTILINE)
    begins = ("In part", "**Not done", "**Not applicable")
    counted = [sum(answer.startswith(begin) for answer in answers) for begin in begins]
    told = [len(answers), len(answers) - sum(counted), *counted]
    assert f"| {checklist} | {' | '.join(map(str, told))} |" in PAGE


def test_every_reference_has_a_doi_but_those_without_one():
    entries = (REPOSITORY / "book" / "references.bib").read_text().split("\n@")
    keys = {re.search(r"\{([a-z]+),", entry)[1]: "doi = {10." in entry for entry in entries}
    assert len(keys) == len(entries)
    # A course paper, a book, and a journal that gives none.
    assert {key for key, has_doi in keys.items() if not has_doi} == {"report", "kish", "holm"}


def test_the_reports_author_is_named_where_it_is_cited_and_nowhere_else():
    bib = (REPOSITORY / "book" / "references.bib").read_text()
    author = re.search(r"@misc\{report,\n  author = \{(\w+)", bib)[1]
    pages = [p for p in (REPOSITORY / "book").glob("*") if p.suffix in (".md", ".ipynb", ".yaml")]
    assert not [path.name for path in pages if author in path.read_text(encoding="utf-8")]


def test_glossary_terms_are_in_order_and_explained():
    text = (REPOSITORY / "book" / "glossary.md").read_text()
    entries = re.findall(r"^(\S.*)\n  \S", text.split("{glossary}")[1], re.MULTILINE)
    assert entries == sorted(entries, key=str.casefold)
    words = {"OCT", "B-scan", "CNV", "DME", "Drusen", "RPE", "AUPRC", "AUC", "IoU", "SSIM", "AURC"}
    words |= {
        "Logit",
        "Nats",
        "Wilson interval",
        "Bootstrap",
        "Phantom",
        "Profile",
        "Seed",
        "Triage",
    }
    assert words <= set(entries)
