"""Both verdicts on each claim: no run says more than its data allow."""

import dataclasses
import json

import numpy as np
import pytest

from helpers.data import dataset as datasets
from helpers.evaluation.measures import Measure
from helpers.heatmaps.rows import Row
from helpers.ledger import claims, verdicts
from helpers.study import runs
from helpers.study.settings import load_settings

LEDGER = claims.ledger()
OTHER_MODEL = {"custom-cnn": "resnet50", "resnet50": "custom-cnn"}


def a_row(
    model: str, criterion: str, class_name: str | None = None, more_than: str | None = None
) -> Row:
    measure, chance = Measure(0.5, 0.4, 0.6, 9), None if more_than else 0.1
    control = more_than and f"more than {more_than}"
    judged = {"class_name": class_name, "verdict": "pass"}
    return Row(model, "Grad-CAM", criterion, measure, chance, control, **judged)


@pytest.fixture
def not_the_audited(images):
    return {
        "phantom": images("phantom", is_official=False),
        "octmnist-mini": images("octmnist-mini", is_official=False),
        "OCTMNIST": images("OCTMNIST", is_official=False),
    }


@pytest.mark.parametrize("name", ["phantom", "octmnist-mini"])
def test_data_other_than_octmnist_test_no_claim_on_it(
    verdicts_of, paper_run, not_the_audited, name
):
    dataset = not_the_audited[name]
    rows = [a_row("resnet50", "AUPRC")]
    judged = verdicts_of(**paper_run() | {"dataset": dataset, "rows": rows})
    on_data = [verdict for verdict in judged.values() if verdict.needs == "data"]
    assert {verdict.reproduced for verdict in on_data} == {"not testable"}
    accuracy = judged["custom-cnn-accuracy"]
    assert "make book PROFILE=paper" in accuracy.why
    assert dataset.in_prose in accuracy.why
    assert accuracy.measured == pytest.approx(0.981)
    assert accuracy.interval is not None


def test_octmnist_tells_inside_from_outside(verdicts_of, paper_run, replaced):
    inside, outside = verdicts_of(**paper_run()), verdicts_of(**paper_run(shift=-0.2))
    for name in ("custom-cnn-accuracy", "resnet50-accuracy", "custom-cnn-val-accuracy"):
        assert inside[name].reproduced == "yes"
        assert outside[name].reproduced == "no"
    assert outside["over-98-custom-cnn"].reproduced == "no"
    assert inside["over-98-custom-cnn"].reproduced == "not testable"
    assert inside["three-percent"].reproduced == "no"
    assert inside["superior-performance"].reproduced == "yes"
    assert inside["improvement"].reproduced == "yes"
    assert inside["custom-cnn-loss"].reproduced == "not testable"
    assert inside["custom-cnn-train-accuracy"].reproduced == "yes"
    assert inside["custom-cnn-time"].reproduced == "not testable"
    assert inside["custom-cnn-time"].measured == 10
    assert inside["custom-cnn-parameters"].reproduced == "no"
    assert inside["thirteen-times"].reproduced == "no"
    counted = {"resnet50-parameters": "24,771,210", "custom-cnn-parameters": "849,508"}
    corrected = verdicts_of(replaced(counted), **paper_run())
    assert corrected["custom-cnn-parameters"].reproduced == "yes"
    judged, by_chance = verdicts.by_chance(list(inside.values()))
    assert judged > 40
    assert by_chance == pytest.approx(judged / 20)


def test_one_training_refutes_no_outcome(verdicts_of, paper_run):
    judged = verdicts_of(**paper_run(shift=-0.2, seeds=4))
    assert judged["custom-cnn-accuracy"].reproduced == "not testable"
    assert "4 seeds" in judged["custom-cnn-accuracy"].why
    assert judged["custom-cnn-accuracy"].interval is None


def test_ahead_in_one_metric_is_not_ahead_in_all(verdicts_of, paper_run):
    run = paper_run()
    for by_name in run["metrics"]["resnet50"].values():
        by_name["recall/drusen"] = Measure(0.9, None, None, 250)
    judged = verdicts_of(**run)
    assert judged["superior-performance"].reproduced == "yes"
    for name in ("consistent-improvement", "improvement"):
        assert judged[name].reproduced == "no"


@pytest.mark.parametrize("name", ["phantom", "octmnist-mini"])
def test_on_other_images_nothing_about_octmnist_is_reproduced(
    verdicts_of, paper_run, not_the_audited, name
):
    """No claim says of a run what isn't so: only weights are counted, the rest is taken over."""
    judged = verdicts_of(**paper_run() | {"dataset": not_the_audited[name]})
    sources = {"confirmed by the source": {"medmnist", None}, "adopted": set(verdicts.TAKEN_OVER)}
    counted = {"parameters", "ratio"}
    expected = sources | {"contradicted by the source": {None}, "yes": counted, "no": counted}
    for verdict in judged.values():
        source = verdict.measured_by and verdict.measured_by.split()[0]
        if verdict.reproduced != "not testable":
            assert source in expected[verdict.reproduced], verdict.id
            assert verdict.needs != "data", verdict.id
        assert "here too it is OCTMNIST" not in verdict.why
    for split in ("train", "val", "test", "total"):
        counts = judged[f"{split}-images"]
        assert counts.reproduced == "confirmed by the source"
        assert "MedMNIST's own table" in counts.why
        assert "this run" not in counts.why.lower()


def test_sources_that_anyone_can_look_up(verdicts_of):
    judged = verdicts_of()
    assert judged["radiologists"].reproduced == "contradicted by the source"
    assert "four ophthalmologists" in judged["radiologists"].why
    assert judged["reference-kermany"].reproduced == "confirmed by the source"


def test_other_settings_refute_nothing(verdicts_of, paper_run):
    other = load_settings("paper", epochs=1, overrides="batch_size=64 dense_units=[128,64]")
    judged = verdicts_of(settings=other, **paper_run(shift=-0.2))
    for name in ("custom-cnn-accuracy", "epochs", "custom-cnn-parameters", "custom-cnn-dense1"):
        assert judged[name].reproduced == "not testable", name
    assert "epochs=1" in judged["custom-cnn-accuracy"].why
    assert "64" in judged["batch-size"].why
    assert judged["optimizer"].reproduced == "adopted"


def test_a_file_that_calls_itself_octmnist_refutes_nothing(
    verdicts_of, paper_run, arrays, tmp_path
):
    path = tmp_path / "OCTMNIST.npz"
    np.savez(path, **arrays)
    settings = load_settings("local", data_path=path)
    run = paper_run(shift=-0.2) | {"dataset": datasets.load(settings.data)}
    judged = verdicts_of(settings=settings, **run)
    on_data = [verdict for verdict in judged.values() if verdict.needs == "data"]
    assert {verdict.reproduced for verdict in on_data} == {"not testable"}
    accuracy = judged["custom-cnn-accuracy"]
    assert "this run used a file named OCTMNIST whose MD5 isn't MedMNIST's" in accuracy.why
    assert "would test it" in accuracy.why


def test_a_file_that_is_medmnists_own_counts_as_octmnist(verdicts_of, paper_run, tmp_path):
    local = {"data_path": tmp_path / "scans.npz"}
    learned = load_settings("local", "adapter=learned", **local)
    for shift, reproduced in ((0.0, "yes"), (-0.2, "no")):
        judged = verdicts_of(settings=learned, **paper_run(shift))
        assert judged["custom-cnn-accuracy"].reproduced == reproduced
        assert judged["resnet50-accuracy"].reproduced == reproduced
    judged = verdicts_of(settings=load_settings("local", **local), **paper_run())
    assert judged["custom-cnn-accuracy"].reproduced == "yes"
    assert judged["resnet50-accuracy"].reproduced == "not testable"
    assert "(adapter=replicate)" in judged["resnet50-accuracy"].why


@pytest.mark.parametrize("model", OTHER_MODEL)
def test_a_model_that_the_run_lacks_is_not_judged(verdicts_of, paper_run, model):
    run, lacking = paper_run(), OTHER_MODEL[model]
    run["trainings"] = [trained for trained in run["trainings"] if trained.model == model]
    run["metrics"] = {model: run["metrics"][model]}
    judged = verdicts_of(settings=load_settings("paper", models=model), **run)
    for name in (f"{lacking}-accuracy", f"{lacking}-parameters", f"{lacking}-dense1"):
        assert judged[name].reproduced == "not testable"
        assert f"no {lacking}" in judged[name].why
        assert judged[name].measured is None
    for name in ("three-percent", "thirteen-times", f"{lacking}-learning-rate"):
        assert judged[name].reproduced == "not testable"
        assert f"no {lacking}" in judged[name].why
    assert judged[f"{model}-accuracy"].reproduced == "yes"
    assert judged[f"{model}-learning-rate"].reproduced == "adopted"


def test_a_run_without_resnet50_has_no_base(verdicts_of, paper_run):
    run = paper_run()
    run["trainings"] = [t for t in run["trainings"] if t.model == "custom-cnn"]
    base = verdicts_of(**run)["resnet50-base"]
    assert base.reproduced == "not testable"
    assert "no resnet50" in base.why


def test_models_that_the_report_lacks_change_no_verdict(verdicts_of, paper_run):
    with_toy = paper_run(toy=100)
    assert with_toy["trainings"][-1].model == "toy"
    rows = [a_row("toy", "mass inside"), a_row("toy", "deletion")]
    assert verdicts_of(**with_toy, rows=rows) == verdicts_of(**paper_run())


def test_another_set_tests_no_claim_on_data(verdicts_of, paper_run, images):
    rows = [a_row("resnet50", "AUPRC"), a_row("resnet50", "deletion")]
    run = paper_run() | {"dataset": images("BloodMNIST", "bloodmnist"), "rows": rows}
    judged = verdicts_of(settings=load_settings("paper", data_set="bloodmnist"), **run)
    octmnist = verdicts_of(**paper_run())
    for name, verdict in judged.items():
        assert verdict.consistent == octmnist[name].consistent
        assert verdict.recomputed == octmnist[name].recomputed
        if verdict.needs == "data":
            assert verdict.reproduced == "not testable"
    for name in ("custom-cnn-accuracy", "three-percent"):
        assert "about OCTMNIST, and this run is about BloodMNIST" in judged[name].why
    for name in ("custom-cnn-input", "resnet50-dense3", "resnet50-grey-to-rgb"):
        assert judged[name].reproduced == "not testable"
        assert "this run is about BloodMNIST" in judged[name].why
    assert "Grad-CAM" not in judged["resnet50-localisation"].why
    assert judged["batch-size"].reproduced == "adopted"
    assert judged["train-images"].reproduced == "confirmed by the source"


def test_heatmaps_on_trial_are_told_and_decide_nothing(verdicts_of, paper_run, not_the_audited):
    rows = [
        a_row("custom-cnn", "AUPRC"),
        a_row("resnet50", "AUPRC", more_than="custom-cnn"),
        a_row("resnet50", "pointing game"),
        a_row("custom-cnn", "mass inside", "cnv"),
    ]
    for dataset in (paper_run()["dataset"], not_the_audited["phantom"]):
        judged = verdicts_of(**paper_run() | {"dataset": dataset, "rows": rows})
        told = judged["resnet50-localisation"]
        assert told.reproduced == "not testable"
        why = told.why.replace("\N{NO-BREAK SPACE}", " ")
        # The claim is that ResNet50's is better: neither model's own value answers it.
        assert why.endswith(
            "easured on Grad-CAM of resnet50: AUPRC (on the phantom) more than custom-cnn "
            "0.500 [0.400, 0.600]; n = 9; more, shown."
        )
        assert "mass inside, cnv (on the phantom) 0.500" in judged["custom-cnn-focus-cnv"].why
        assert "no masks of lesions" in judged["custom-cnn-focus-dme"].why
        assert "no masks of lesions" not in told.why


def test_a_claim_on_two_models_is_not_answered_by_one(verdicts_of, paper_run):
    told = verdicts_of(**paper_run() | {"rows": [a_row("custom-cnn", "AUPRC")]})
    assert "AUPRC" not in told["resnet50-localisation"].why
    deletion = verdicts_of(**paper_run() | {"rows": [a_row("resnet50", "deletion")]})
    why = deletion["alignment-resnet50"].why.replace("\N{NO-BREAK SPACE}", " ")
    assert why.endswith("of resnet50: deletion 0.500 [0.400, 0.600]; chance 0.100, n = 9; passes.")


def test_claims_json_holds_the_words_that_a_page_shows(verdicts_of, paper_run, tmp_path):
    run = runs.Run(tmp_path)
    judged = list(verdicts_of(**paper_run()).values())
    runs.write_json(run.claims, verdicts.to_json(judged))
    rows = json.loads(run.claims.read_text())
    assert [row["id"] for row in rows] == [claim.id for claim in LEDGER]
    for row, claim in zip(rows, LEDGER, strict=True):
        assert (row["claim"], row["stated"], row["kind"]) == (claim.claim, claim.stated, claim.kind)
        assert row["consistent"] in verdicts.CONSISTENT
        assert row["reproduced"] in verdicts.REPRODUCED
        assert (row["fact"] is not None) == (row["consistent"] == "no")
        assert row["why"]


def test_a_recorded_runs_verdicts_are_its_own(verdicts_of, paper_run, images, tmp_path):
    """Whatever has become of the ledger since."""
    run = runs.Run(tmp_path, is_recorded=True)
    judged = list(verdicts_of(**paper_run()).values())
    gone = dataclasses.replace(judged[0], id="a-claim-of-old", asked=("a-rule-of-old",))
    runs.write_json(run.claims, verdicts.to_json([gone, *judged]))
    assert verdicts.load_or_judge(run, load_settings("paper"), images()) == [gone, *judged]
