"""The ledger as a text: it covers the report, quotes it, and is refused where it is malformed."""

import re
import subprocess
import sys

import pytest
import yaml

from helpers.heatmaps import faithfulness, localization, rows
from helpers.ledger import claims
from helpers.study import data_sets
from helpers.study.errors import InputError

LEDGER = claims.ledger()
BY_ID = {claim.id: claim for claim in LEDGER}
HEATMAP = {"models": ["resnet50"], "criteria": ["mass inside, cnv"]}


def test_the_ledger_covers_the_report():
    assert len(LEDGER) >= 95
    assert {claim.section for claim in LEDGER} == {
        *("1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.3.1", "2.3.2", "2.4"),
        *("3.1.1", "3.1.2", "3.2", "3.3", "3.4", "4.1", "4.2.1", "4.2.2", "4.3"),
        *("5.1.1", "5.1.2", "5.2.1", "5.2.2", "5.3.1", "5.3.2", "6.1", "6.2", "6.4"),
        *("abstract", "references"),
    }


def test_every_quotation_stands_in_the_report(report):
    plain = re.sub(r"[*$]", "", report).replace("\\pm", "± ").replace("\\%", "%")
    plain = re.sub(r"\s+", " ", plain)
    for claim in LEDGER:
        assert claim.stated in plain, claim.id
        assert claim.claim in plain, claim.id


def test_a_fact_of_its_own_is_shared(verdicts_of):
    judged = verdicts_of()
    for claim in LEDGER:
        if claim.fact:
            sharing = [v for v in judged.values() if v.fact == claim.fact]
            assert len(sharing) > 1, claim.id


def test_every_published_figure_has_its_source_among_the_references():
    references = (claims.LEDGER.parent / "references.bib").read_text()
    audited = data_sets.audited()
    assert audited.published
    for other in (*audited.published, *audited.at_full_size):
        assert re.search(rf"@\w+{{{other.key},", references), other


def test_what_the_report_states():
    assert claims.stated("custom-cnn-accuracy") == pytest.approx(0.981)
    assert claims.stated_splits() == {"train": 97_477, "val": 10_832, "test": 1_000}


def test_who_quotes_the_report_needs_no_statistics():
    script = "import sys, helpers.ledger.claims; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "helpers.ledger.claims" in loaded.stdout
    assert "helpers.evaluation" not in loaded.stdout
    assert "helpers.heatmaps" not in loaded.stdout


def test_a_claim_says_which_heatmaps_speak_to_it():
    pairs = {
        claim.id: (claim.heatmap.models, claim.heatmap.criteria)
        for claim in LEDGER
        if claim.heatmap
    }
    assert len(pairs) == 12
    assert pairs["custom-cnn-focus-cnv"] == (("custom-cnn",), ("mass inside, cnv",))
    assert pairs["custom-cnn-focus-normal"] == (("custom-cnn",), ("warm area, normal",))
    assert pairs["resnet50-localisation"] == (
        ("resnet50", "custom-cnn"),
        ("pointing game", "AUPRC"),
    )
    assert pairs["alignment-resnet50"] == (("resnet50",), ("mass inside", "deletion"))
    assert all(BY_ID[name].untestable for name in pairs)


def test_heatmaps_are_asked_for_what_a_trial_measures():
    located = {criterion.name for criterion in localization.CRITERIA}
    kinds = {*located, rows.WARM_AREA, *faithfulness.CRITERIA}
    for claim in LEDGER:
        for packed in claim.heatmap.criteria if claim.heatmap else ():
            criterion, _, class_name = packed.partition(", ")
            assert criterion in kinds, claim.id
            assert class_name in {"", *data_sets.audited().classes}, claim.id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "second"}, "used twice"),
        ({"checks": [{"rule": "summ", "of": ["second"]}]}, "unknown rule 'summ'"),
        ({"checks": [{"rule": "sum", "of": ["third"]}]}, "unknown claim 'third'"),
        ({"kind": "opinion"}, "kind"),
        ({"section": 3.1}, "section"),
        ({"stated": 32}, "stated"),
        ({"stated": "many", "checks": [{"rule": "sum", "of": ["second"]}]}, "no number in 'many'"),
        ({"measured": "guess"}, "unknown source 'guess'"),
        ({"measured": "setting batch"}, "unknown setting 'batch'"),
        ({"measured": "protocol luck"}, "unknown protocol 'luck'"),
        ({"measured": "metric resnet accuracy"}, "unknown model 'resnet'"),
        ({"measured": "ratio custom-cnn resnet"}, "unknown model 'resnet'"),
        ({"measured": "layers resnet50 convolution_filters"}, "unknown layers 'convolution_f"),
        ({"measured": None}, "neither"),
        ({"checks": [{"rule": "f1", "of": ["second"]}]}, "claim first: "),
        ({"checks": [{"rule": "multiple"}]}, "claim first: "),
        ({"verdict": "no"}, "verdict"),
        ({"heatmap": HEATMAP}, "why it is untestable"),
        ({"on_record": {"says": "perhaps", "source": "a book"}}, "on_record.says"),
        ({"untestable": "no", "heatmap": HEATMAP | {"models": ["vgg"]}}, "unknown model 'vgg'"),
        ({"untestable": "no", "heatmap": HEATMAP | {"criteria": []}}, "heatmap.criteria"),
    ],
    ids=str,
)
def test_a_malformed_ledger_is_refused_in_one_line(tmp_path, change, message):
    good = {
        **{"id": "first", "section": "2.3.1", "claim": "Batch Size: 32", "stated": "32"},
        **{"kind": "hyperparameter", "needs": "none", "measured": "setting batch_size"},
    }
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([good | change, good | {"id": "second"}]))
    with pytest.raises(InputError) as raised:
        claims.ledger(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"- [", b"- \xff", b"[" * 1000, b"- 2001-99-99", b"- " + b"9" * 5000, b"- a\0", b"3"],
    ids=lambda content: repr(content[:10]),
)
def test_a_ledger_that_is_no_list_in_yaml_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "claims.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        claims.ledger(path)
    assert str(path) in str(raised.value)
    assert str(raised.value).isprintable()
