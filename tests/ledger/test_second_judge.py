"""Another program (mlscorecheck, Fazekas and Kovács 2024) judges the figures as ours does."""

import logging

import pytest
from mlscorecheck.check.binary import check_1_testset_no_kfold
from mlscorecheck.check.multiclass import check_1_testset_no_kfold_macro

from helpers.ledger import claims
from helpers.study import architectures, data_sets

STATED = {claim.id: claim.stated for claim in claims.ledger()}
MODELS = [entry.name for entry in architectures.reported()]
CLASSES = data_sets.audited().classes
A_CLASS, TEST = 250, 1000


@pytest.fixture(autouse=True)
def quiet():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def contradicts(**scores: float) -> bool:
    """Whether no counts of one class against the others give these figures, of three digits."""
    testset = {"p": A_CLASS, "n": TEST - A_CLASS}
    return check_1_testset_no_kfold(testset=testset, scores=scores, eps=0.0005)["inconsistency"]


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("model", MODELS)
def test_both_judges_agree_on_each_class(verdicts_of, model, name):
    precision, recall, f1 = (
        float(STATED[f"{model}-{score}-{name}"]) for score in ("precision", "recall", "f1")
    )
    judged = verdicts_of()
    assert contradicts(sens=recall) == (judged[f"{model}-recall-{name}"].consistent == "no")
    flags = [judged[f"{model}-{score}-{name}"].consistent for score in ("precision", "recall")]
    assert contradicts(ppv=precision, sens=recall, f1=f1) == ("no" in flags)


def test_figures_that_counts_give_contradict_nothing():
    assert not contradicts(sens=round(244 / 250, 3), ppv=round(244 / 248, 3))


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("model", MODELS)
def test_both_judges_agree_on_averaged_recall_and_accuracy(verdicts_of, model, average):
    """Of a class against the others each wrong image counts twice in four classes' accuracies."""
    accuracy = 1 - (1 - float(STATED[f"{model}-accuracy"])) / 2
    scores = {"acc": accuracy, "sens": float(STATED[f"{model}-{average}-recall"])}
    found = check_1_testset_no_kfold_macro(
        testset=dict.fromkeys(range(len(CLASSES)), A_CLASS), scores=scores, eps=5e-5, verbosity=0
    )
    ours = verdicts_of()[f"{model}-{average}-recall"].consistent
    assert found["inconsistency"] == (ours == "no")
