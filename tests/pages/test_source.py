"""Code on a page is the file's own, and its link leads to just these lines."""

import re

import pytest

from helpers.evaluation import seeds
from helpers.pages import source as page
from helpers.study.settings import REPOSITORY


def test_the_code_shown_stands_where_the_link_says():
    shown = page.source(seeds.prediction_interval).data
    path, first, last = re.search(r"/blob/[^/]+/(\S+)#L(\d+)-L(\d+)\)", shown).groups()
    lines = (REPOSITORY / path).read_text().splitlines()[int(first) - 1 : int(last)]
    code = shown.split("```python\n")[1].removesuffix("```").splitlines()
    assert code == lines
    assert code[0].startswith("def prediction_interval(")


@pytest.mark.parametrize(
    ("commit", "revision"),
    [
        ("0123456789ab", "0123456789ab"),
        ("0123456789ab (from the archive)", "0123456789ab"),
        ("0123456789ab-dirty", "main"),
        ("not known: git is not installed", "main"),
    ],
)
def test_a_link_names_the_commit_only_where_it_holds(monkeypatch, commit, revision):
    page.revision.cache_clear()
    monkeypatch.setattr(page.provenance, "commit", lambda: commit)
    assert page.revision() == revision
    page.revision.cache_clear()
