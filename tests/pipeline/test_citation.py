"""What tells others how to cite, find and check this software: the files agree with each other."""

import json
import re
import tomllib

import yaml

from helpers.pipeline import address
from helpers.study.settings import REPOSITORY

CITATION = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
CODEMETA = json.loads((REPOSITORY / "codemeta.json").read_text(encoding="utf-8"))
CODECHECK = (REPOSITORY / "codecheck.yml").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_has_what_its_format_requires():
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(CITATION)
    assert all("name" in author or "family-names" in author for author in CITATION["authors"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", CITATION["date-released"])


def test_codemeta_agrees_with_the_citation_and_the_package():
    assert CODEMETA["@context"] == "https://w3id.org/codemeta/3.0"
    assert CODEMETA["type"] == "SoftwareSourceCode"
    assert CODEMETA["name"] == CITATION["title"]
    assert CODEMETA["version"] == CITATION["version"] == PROJECT["version"]
    assert CODEMETA["description"] == CITATION["abstract"] == f"{PROJECT['description']}."
    assert CODEMETA["dateModified"] == CITATION["date-released"]
    assert CODEMETA["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    names = [author["name"] for author in CITATION["authors"]]
    assert [author["name"] for author in CODEMETA["author"]] == names
    licences = [text.removeprefix("https://spdx.org/licenses/") for text in CODEMETA["license"]]
    assert licences == CITATION["license"] == PROJECT["license"].split(" AND ")
    assert CODEMETA["codeRepository"] == CITATION["repository-code"] == address.current()


def test_codecheck_agrees_with_the_citation():
    content = yaml.safe_load(CODECHECK)
    assert CODECHECK.startswith("---\n")
    assert content["version"] == "https://codecheck.org.uk/spec/config/1.0/"
    assert content["paper"]["title"] == CITATION["title"]
    assert content["paper"]["authors"] == CITATION["authors"]
    assert content["source"] == CITATION["repository-code"]
    assert not {"certificate", "codechecker", "report", "check_time"} & set(content)


def test_codecheck_lists_what_a_run_leaves(made_up):
    for entry in yaml.safe_load(CODECHECK)["manifest"]:
        place = entry["file"].removeprefix("runs/codecheck/")
        assert place != entry["file"]
        assert (made_up.folder / place).exists(), place
        assert entry["comment"]
