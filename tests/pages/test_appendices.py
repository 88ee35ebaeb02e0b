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
