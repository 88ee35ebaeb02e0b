"""The claims ledger: every rule flips both ways, and no run says more than its data allow."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers import arithmetic, claims, runs, sentences
from helpers.artifacts import Predictions, Trained
from helpers.settings import InputError, load_settings

LEDGER = claims.ledger()
BY_ID = {claim.id: claim for claim in LEDGER}
CLASSES = ("cnv", "dme", "drusen", "normal")

# Recalls of 246, 244, 246 and 245 images of 250: their mean is the stated accuracy.
POSSIBLE_RECALLS = {
    "custom-cnn-recall-cnv": "0.984",
    "custom-cnn-recall-dme": "0.976",
    "custom-cnn-recall-drusen": "0.984",
    "custom-cnn-recall-normal": "0.980",
}
LARGE_INPUT = {"resnet50-input": "Input Layer (224×224×1)"}
COUNTED = {"resnet50-parameters": "24,771,210", "custom-cnn-parameters": "849,508"}
# An inconsistent claim, and what makes it possible: its own value, or those it was checked against.
POSSIBLE = [
    ("custom-cnn-recall-cnv", {"custom-cnn-recall-cnv": "0.984"}),
    ("custom-cnn-recall-drusen", {"custom-cnn-recall-drusen": "0.980"}),
    ("custom-cnn-recall-normal", {"custom-cnn-recall-normal": "0.980"}),
    ("resnet50-recall-cnv", {"resnet50-recall-cnv": "0.988"}),
    ("resnet50-recall-dme", {"resnet50-recall-dme": "0.980"}),
    ("resnet50-recall-drusen", {"resnet50-recall-drusen": "0.984"}),
    ("resnet50-recall-normal", {"resnet50-recall-normal": "0.980"}),
    ("custom-cnn-macro-recall", POSSIBLE_RECALLS | {"custom-cnn-macro-recall": "0.9810"}),
    ("custom-cnn-weighted-recall", POSSIBLE_RECALLS),
    ("resnet50-macro-recall", {"resnet50-macro-recall": "0.9840"}),
    ("custom-cnn-macro-precision", {"custom-cnn-weighted-precision": "0.9798"}),
    ("custom-cnn-weighted-precision", {"custom-cnn-weighted-precision": "0.9798"}),
    ("custom-cnn-macro-f1", {"custom-cnn-weighted-f1": "0.9799"}),
    ("custom-cnn-weighted-f1", {"custom-cnn-weighted-f1": "0.9799"}),
    ("resnet50-macro-precision", {"resnet50-weighted-precision": "0.9835"}),
    ("resnet50-weighted-precision", {"resnet50-weighted-precision": "0.9835"}),
    ("resnet50-macro-f1", {"resnet50-weighted-f1": "0.9836"}),
    ("resnet50-weighted-f1", {"resnet50-weighted-f1": "0.9836"}),
    ("custom-cnn-parameters", {"custom-cnn-parameters": "849,508"}),
    ("resnet50-parameters", {"resnet50-parameters": "24,771,210"}),
    ("thirteen-times", COUNTED | {"thirteen-times": "29×"}),
    ("three-percent", {"three-percent": "0.3%"}),
    ("superior-performance", {"resnet50-accuracy": "0.9870"}),
    ("better-generalization", {"resnet50-train-accuracy": "0.9870"}),
    ("resnet50-input", {"resnet50-input": "Input Layer (32×32×1)"}),
    ("resnet50-localisation", LARGE_INPUT),
    ("resnet50-boundaries", LARGE_INPUT),
    ("resnet50-anatomy", LARGE_INPUT),
    ("resnet50-noise", LARGE_INPUT),
    ("relevant-structures-resnet50", LARGE_INPUT),
    ("alignment-resnet50", LARGE_INPUT),
    ("memory", {"image-size": "224×224"}),
]
# A consistent claim, and what makes it impossible.
IMPOSSIBLE = [
    ("total-images", {"total-images": "109,310"}),
    ("custom-cnn-f1-cnv", {"custom-cnn-f1-cnv": "0.985"}),
    ("custom-cnn-recall-dme", {"custom-cnn-recall-dme": "0.978"}),
    ("custom-cnn-accuracy", {"custom-cnn-accuracy": "0.98104"}),
    ("custom-cnn-table-accuracy", {"custom-cnn-table-accuracy": "0.9820"}),
    ("resnet50-weighted-recall", {"resnet50-weighted-recall": "0.9850"}),
    ("resnet50-weighted-recall", {"resnet50-recall-cnv": "0.980"}),
    ("custom-cnn-loss", {"custom-cnn-loss": "0.0054"}),
    ("over-98-custom-cnn", {"custom-cnn-accuracy": "0.9710"}),
    ("excellent-resnet50", {"excellent-resnet50": ">99%"}),
    ("consistent-improvement", {"resnet50-f1-dme": "0.970"}),
    ("improvement", {"custom-cnn-micro-auc": "0.9970"}),
    ("lower-loss", {"resnet50-loss": "0.0700"}),
    ("plateau-patience", {"plateau-patience": "15"}),
    ("custom-cnn-competitive", {"custom-cnn-dense1": "Dense(65536) + BatchNorm + ReLU"}),
    ("custom-cnn-convolution7", {"custom-cnn-input": "Input Layer (4×4×1)"}),
    ("rationale-filters", {"custom-cnn-convolution5": "Conv2D(16, 3×3) + BatchNorm + ReLU"}),
    ("custom-cnn-focus-cnv", {"custom-cnn-input": "Input Layer (8×8×1)"}),
    ("classes", {"classes": "5"}),
    ("image-size", {"image-size": "64×64"}),
]


def replaced(values: dict[str, str]) -> tuple[claims.Claim, ...]:
    return tuple(
        claim.model_copy(update={"stated": values.get(claim.id, claim.stated)}) for claim in LEDGER
    )


def verdicts_of(ledger=LEDGER, settings=None, name="phantom", metrics=None, trainings=(), **more):
    settings = settings or load_settings("paper")
    judged = claims.judge(ledger, settings, name, metrics or {}, list(trainings), **more)
    return {verdict.claim.id: verdict for verdict in judged}


def paper_run(shift: float = 0.0) -> dict:
    """A made-up run of profile paper whose accuracies are the report's, moved by `shift`."""
    labels = np.arange(1000) % 4
    trainings, metrics = [], {}
    for model, total in (("custom-cnn", 849_508), ("resnet50", 24_771_210)):
        value = claims.stated(f"{model}-accuracy") + shift
        predicted = np.where(np.arange(1000) < round(1000 * value), labels, (labels + 1) % 4)
        predictions = Predictions(np.eye(4)[labels], labels, np.eye(4)[predicted], labels)
        history = pd.DataFrame({"accuracy": [value], "val_accuracy": [value]})
        facts = {"parameters": {"total": total}, "seconds": 600.0}
        trainings.append(Trained(model, 0, None, history, predictions, facts))
        measure = {"value": value, "low": value - 0.005, "high": value + 0.005, "n": 1000}
        metrics[model] = {"0": {"accuracy": measure}}
    return {"name": "OCTMNIST", "metrics": metrics, "trainings": trainings}


@pytest.mark.parametrize(("claim", "values"), POSSIBLE, ids=lambda value: str(value)[:40])
def test_a_possible_value_turns_an_inconsistent_claim_consistent(claim, values):
    assert verdicts_of()[claim].consistent == "no"
    assert verdicts_of(replaced(values))[claim].consistent == "yes"


@pytest.mark.parametrize(("claim", "values"), IMPOSSIBLE, ids=lambda value: str(value)[:40])
def test_an_impossible_value_turns_a_consistent_claim_inconsistent(claim, values):
    assert verdicts_of()[claim].consistent == "yes"
    assert verdicts_of(replaced(values))[claim].consistent == "no"


def test_every_inconsistent_claim_and_every_rule_is_seen_to_flip():
    found = verdicts_of()
    flagged = {name for name, verdict in found.items() if verdict.consistent == "no"}
    assert flagged == {name for name, _ in POSSIBLE}
    flipped = {rule for name, values in POSSIBLE for rule in found[name].broken}
    for name, values in IMPOSSIBLE:
        flipped |= set(verdicts_of(replaced(values))[name].broken)
    # "13×" breaks one of its two rules as stated; "29×" breaks the other.
    flipped |= set(verdicts_of(replaced({"thirteen-times": "29×"}))["thirteen-times"].broken)
    assert flipped == set(arithmetic.RULES) == set(claims.RULES_IN_WORDS)


def test_weights_counted_from_the_stated_layers():
    for model, total in (("custom-cnn", 849_508), ("resnet50", 24_771_210)):
        (check,) = BY_ID[f"{model}-parameters"].checks
        network = arithmetic.build([BY_ID[other].stated for other in check.of])
        assert network.parameters == total == verdicts_of()[f"{model}-parameters"].recomputed
    ratio = verdicts_of()["thirteen-times"]
    assert ratio.recomputed == pytest.approx(29.16, abs=0.01)
    assert "13.3" in ratio.why


def test_what_the_stated_number_of_resnet50s_weights_leaves_out():
    base = ["Input Layer (28×28×3)", "ResNet50 Base", "Dense(512)"]
    last = ["Input Layer (1×1×256)", "Dense(4, softmax)"]
    total = sum(network.parameters for network in arithmetic.networks(base + last))
    assert total == claims.stated("resnet50-parameters")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.981", 0.9805, 0.9815),
        ("97,477", 97_477, 97_477),
        ("28×28", 28, 28),
        ("13×", 12.5, 13.5),
        ("3%", 0.025, 0.035),
        ("~45 minutes", 44.5, 45.5),
        ("> 0.995", 0.995, np.inf),
        (">98%", 0.98, np.inf),
        ("Conv2D(3, 1×1)", 3, 3),
    ],
)
def test_a_printed_figure_stands_for_what_rounds_to_it(text, low, high):
    found = arithmetic.read(text)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("name", ["phantom", "octmnist-mini"])
def test_data_other_than_octmnist_test_no_claim_on_it(name):
    answers = {"resnet50-localisation": ("yes", "measured elsewhere")}
    found = verdicts_of(**paper_run() | {"name": name}, answers=answers)
    on_data = [verdict for verdict in found.values() if verdict.claim.needs == "data"]
    assert {verdict.reproduced for verdict in on_data} == {"not testable"}
    accuracy = found["custom-cnn-accuracy"]
    assert "make book PROFILE=paper" in accuracy.why
    assert claims.in_prose(name) in accuracy.why
    assert accuracy.measured == pytest.approx(0.981)
    assert accuracy.interval is not None


def test_octmnist_tells_inside_from_outside():
    inside, outside = verdicts_of(**paper_run()), verdicts_of(**paper_run(shift=-0.2))
    for name in ("custom-cnn-accuracy", "resnet50-accuracy", "custom-cnn-val-accuracy"):
        assert inside[name].reproduced == "yes"
        assert outside[name].reproduced == "no"
    assert outside["over-98-custom-cnn"].reproduced == "no"
    assert inside["over-98-custom-cnn"].reproduced == "not testable"
    assert inside["three-percent"].reproduced == "no"
    assert inside["custom-cnn-loss"].reproduced == "not testable"
    assert inside["custom-cnn-train-accuracy"].reproduced == "not testable"
    assert inside["custom-cnn-time"].reproduced == "not testable"
    assert inside["custom-cnn-time"].measured == 10
    assert inside["custom-cnn-parameters"].reproduced == "no"
    assert inside["thirteen-times"].reproduced == "no"
    corrected = verdicts_of(replaced(COUNTED), **paper_run())
    assert corrected["custom-cnn-parameters"].reproduced == "yes"


def test_other_settings_refute_nothing():
    other = load_settings("paper", epochs=1, overrides="batch_size=64 dense_units=[128,64]")
    found = verdicts_of(settings=other, **paper_run(shift=-0.2))
    for name in ("custom-cnn-accuracy", "epochs", "custom-cnn-parameters", "custom-cnn-dense1"):
        assert found[name].reproduced == "not testable", name
    assert "epochs=1" in found["custom-cnn-accuracy"].why
    assert "64" in found["batch-size"].why
    assert found["optimizer"].reproduced == "yes"


def test_a_file_that_calls_itself_octmnist_refutes_nothing(tmp_path):
    settings = load_settings("local", data_path=tmp_path / "OCTMNIST.npz")
    found = verdicts_of(settings=settings, **paper_run(shift=-0.2))["custom-cnn-accuracy"]
    assert found.reproduced == "not testable"
    assert "source=file" in found.why


def test_a_model_that_the_run_lacks_is_not_judged():
    run = paper_run()
    run["trainings"], run["metrics"] = (
        run["trainings"][:1],
        {"custom-cnn": run["metrics"]["custom-cnn"]},
    )
    found = verdicts_of(**run)
    for name in ("resnet50-accuracy", "resnet50-parameters", "resnet50-base", "three-percent"):
        assert found[name].reproduced == "not testable"
        assert "no resnet50" in found[name].why


def test_a_later_measurement_can_answer_a_claim_without_a_figure():
    answers = {"resnet50-localisation": ("no", "deletion falls no faster")}
    found = verdicts_of(**paper_run(), answers=answers)["resnet50-localisation"]
    assert found.reproduced == "no"
    assert "Deletion falls no faster." in found.why


def test_the_ledger_covers_the_report():
    assert len(LEDGER) >= 95
    assert {claim.section for claim in LEDGER} == {
        *("1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.3.1", "2.3.2", "2.4"),
        *("3.1.1", "3.1.2", "3.2", "3.3", "3.4", "4.1", "4.2.1", "4.2.2", "4.3"),
        *("5.1.1", "5.1.2", "5.2.1", "5.2.2", "5.3.1", "5.3.2", "6.1", "6.2", "6.4"),
    }


def test_every_quotation_stands_in_the_report(report):
    plain = re.sub(r"[*$]", "", report).replace("\\pm", "± ").replace("\\%", "%")
    plain = re.sub(r"\s+", " ", plain)
    for claim in LEDGER:
        assert claim.stated in plain, claim.id
        assert claim.claim in plain, claim.id


def test_rows_are_written_once_with_nine_keys(tmp_path):
    run = SimpleNamespace(artifacts=tmp_path)
    judged = list(verdicts_of(**paper_run()).values())
    claims.save(run, judged)
    first = (tmp_path / "claims.json").stat()
    claims.save(run, judged)
    assert (tmp_path / "claims.json").stat().st_mtime_ns == first.st_mtime_ns
    rows = runs.read_json(tmp_path / "claims.json")
    keys = [
        *("id", "section", "stated", "recomputed", "measured", "interval"),
        *("consistent", "reproduced", "why"),
    ]
    assert [row["id"] for row in rows] == [claim.id for claim in LEDGER]
    for row in rows:
        assert list(row) == keys
        assert row["consistent"] in ("yes", "no", "n/a")
        assert row["reproduced"] in ("yes", "no", "not testable")
        assert row["why"] or row["consistent"] == "n/a"


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
        ({"measured": None}, "neither"),
        ({"checks": [{"rule": "f1", "of": ["second"]}]}, "claim first: "),
        ({"checks": [{"rule": "multiple"}]}, "claim first: "),
        ({"verdict": "no"}, "verdict"),
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


def test_the_page_counts_and_shows_every_verdict():
    found = list(verdicts_of().values())
    assert claims.summary(found, by="kind").loc["all", "claims"] == len(LEDGER)
    assert claims.summary(found, by="needs")["claims"].sum() == 2 * len(LEDGER)
    broken = claims.rules_table(found)["broken by"]
    assert list(broken) == sorted(broken, reverse=True)
    assert f"{len(LEDGER)} statements" in sentences.ledger_counts(found)
    assert "7 can't come" in sentences.impossible_recalls(found)
    assert "make book PROFILE=paper" in sentences.ledger_on_this_run(found, "phantom")
    html = sentences.filterable(claims.table(found), by=("section", "consistent", "reproduced"))
    assert "searchPanes" in html
    assert not re.search(r"(src|href|from)\s*=?\s*['\"]https?://", html)


def test_every_published_figure_has_its_source_among_the_references():
    references = (claims.LEDGER.parent / "references.bib").read_text()
    for other in claims.PUBLISHED:
        assert re.search(rf"@\w+{{{other.key},", references), other
