"""What follows from the report's own figures: every rule flips both ways."""

import numpy as np
import pytest

from helpers.ledger import claims, rules, verdicts

BY_ID = {claim.id: claim for claim in claims.ledger()}
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
    ("resnet50-macro-recall", {"resnet50-macro-recall": "0.9840"}),
    ("custom-cnn-weighted-precision", {"custom-cnn-weighted-precision": "0.9798"}),
    ("custom-cnn-weighted-f1", {"custom-cnn-weighted-f1": "0.9799"}),
    ("resnet50-weighted-precision", {"resnet50-weighted-precision": "0.9835"}),
    ("resnet50-weighted-f1", {"resnet50-weighted-f1": "0.9836"}),
    ("custom-cnn-precision-dme", {"custom-cnn-precision-dme": "0.984"}),
    ("custom-cnn-parameters", {"custom-cnn-parameters": "849,508"}),
    ("resnet50-parameters", {"resnet50-parameters": "24,771,210"}),
    ("thirteen-times", COUNTED | {"thirteen-times": "29×"}),
    ("three-percent", {"three-percent": "0.3%"}),
    ("resnet50-localisation", LARGE_INPUT),
    ("resnet50-boundaries", LARGE_INPUT),
    ("resnet50-anatomy", LARGE_INPUT),
    ("resnet50-noise", LARGE_INPUT),
    ("relevant-structures-resnet50", LARGE_INPUT),
    ("alignment-resnet50", LARGE_INPUT),
]
# A consistent claim, and what makes it impossible.
IMPOSSIBLE = [
    ("total-images", {"total-images": "109,310"}),
    ("custom-cnn-f1-cnv", {"custom-cnn-f1-cnv": "0.985"}),
    ("custom-cnn-recall-dme", {"custom-cnn-recall-dme": "0.978"}),
    ("custom-cnn-accuracy", {"custom-cnn-accuracy": "0.98104"}),
    ("custom-cnn-table-accuracy", {"custom-cnn-table-accuracy": "0.9820"}),
    ("resnet50-weighted-recall", {"resnet50-weighted-recall": "0.9850"}),
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
    ("classes", {"classes": "5"}),
    ("image-size", {"image-size": "64×64"}),
    ("resnet50-input", {"resnet50-input": "Input Layer (96×96×1)"}),
    ("custom-cnn-macro-f1", {"custom-cnn-f1-cnv": "0.991"}),
    ("test-images", {"resnet50-precision-cnv": "0.885"}),
]


@pytest.mark.parametrize(("claim", "values"), POSSIBLE, ids=lambda value: str(value)[:40])
def test_a_possible_value_turns_an_inconsistent_claim_consistent(
    verdicts_of, replaced, claim, values
):
    assert verdicts_of()[claim].consistent == "no"
    assert verdicts_of(replaced(values))[claim].consistent == "yes"


@pytest.mark.parametrize(("claim", "values"), IMPOSSIBLE, ids=lambda value: str(value)[:40])
def test_an_impossible_value_turns_a_consistent_claim_inconsistent(
    verdicts_of, replaced, claim, values
):
    assert verdicts_of()[claim].consistent == "yes"
    assert verdicts_of(replaced(values))[claim].consistent == "no"


def test_a_lead_too_small_to_be_shown_contradicts_nothing(verdicts_of, replaced):
    assert verdicts_of()["superior-performance"].consistent == "not supported"
    assert verdicts_of()["superior-performance"].fact is None
    larger = replaced({"resnet50-accuracy": "0.9870", "resnet50-table-accuracy": "0.9870"})
    assert verdicts_of(larger)["superior-performance"].consistent == "yes"


def test_what_the_report_does_not_state_is_held_against_nothing(verdicts_of):
    """A verdict needs a figure of the report or of its data set, and words that a figure bears."""
    judged = verdicts_of()
    of_grad_cam = [v for v in judged.values() if v.section.startswith("4.2.1")]
    for verdict in (*of_grad_cam, judged["better-generalization"], judged["memory"]):
        assert verdict.consistent == "n/a", verdict.id


def test_averages_that_agree_with_their_classes_are_not_flagged(verdicts_of):
    judged = verdicts_of()
    for model in ("custom-cnn", "resnet50"):
        for score in ("precision", "f1", "recall"):
            pair = [judged[f"{model}-{average}-{score}"] for average in ("macro", "weighted")]
            assert [verdict.consistent for verdict in pair].count("no") == 1
        assert judged[f"{model}-macro-precision"].recomputed == pytest.approx(
            np.mean([float(BY_ID[f"{model}-precision-{name}"].stated) for name in CLASSES])
        )


def test_images_named_by_precision_and_recall(verdicts_of):
    why = verdicts_of()["test-images"].why
    for model, named in (("custom-cnn", "1,000.3"), ("resnet50", "1,000.0")):
        each = [
            250
            * float(BY_ID[f"{model}-recall-{c}"].stated)
            / float(BY_ID[f"{model}-precision-{c}"].stated)
            for c in CLASSES
        ]
        assert f"{sum(each):,.1f}" == named
        assert f"named {named} images" in why


def test_nothing_is_held_against_a_recall_that_cannot_occur(verdicts_of, replaced):
    other = verdicts_of(replaced({"custom-cnn-recall-dme": "0.981"}))
    assert other["custom-cnn-precision-dme"].consistent == "yes"


# What would have to stand in the report for a fact to be gone.
CORRECTIONS = {
    **{name: values for name, values in POSSIBLE if "-recall-" in name},
    "custom-cnn-precision-dme": {"custom-cnn-precision-dme": "0.984"},
    "custom-cnn-parameters": {"custom-cnn-parameters": "849,508", "thirteen-times": "29×"},
    "resnet50-parameters": {"resnet50-parameters": "24,771,210"},
    "custom-cnn-macro-recall": dict.fromkeys(
        [f"custom-cnn-{name}" for name in ("macro-recall", "accuracy", "table-accuracy")], "0.9800"
    ),
    "resnet50-macro-recall": {"resnet50-macro-recall": "0.9840"},
    "custom-cnn-weighted-precision": {"custom-cnn-weighted-precision": "0.9798"},
    "custom-cnn-weighted-f1": {"custom-cnn-weighted-f1": "0.9799"},
    "resnet50-weighted-precision": {"resnet50-weighted-precision": "0.9835"},
    "resnet50-weighted-f1": {"resnet50-weighted-f1": "0.9836"},
    "three-percent": {"three-percent": "0.3%"},
    "one-cell": LARGE_INPUT,
}


@pytest.mark.parametrize("fact", CORRECTIONS)
def test_no_fact_follows_from_another(verdicts_of, replaced, fact):
    """Correcting one clears its own contradictions, and leaves every other fact standing."""
    before = verdicts.facts(list(verdicts_of().values()))
    after = verdicts.facts(list(verdicts_of(replaced(CORRECTIONS[fact])).values()))
    assert set(before) == set(CORRECTIONS)
    assert set(before) - set(after) == {fact}


def test_every_inconsistent_claim_and_every_rule_is_seen_to_flip(verdicts_of, replaced):
    judged = verdicts_of()
    flagged = {name for name, verdict in judged.items() if verdict.consistent == "no"}
    assert flagged == {name for name, _ in POSSIBLE}
    flipped = {rule for name, values in POSSIBLE for rule in judged[name].broken}
    for name, values in IMPOSSIBLE:
        flipped |= set(verdicts_of(replaced(values))[name].broken)
    # "13×" breaks one of its two rules as stated; "29×" breaks the other.
    flipped |= set(judged["superior-performance"].broken)
    flipped |= set(verdicts_of(replaced({"thirteen-times": "29×"}))["thirteen-times"].broken)
    assert flipped == set(rules.RULES)


def test_weights_counted_from_the_stated_layers(verdicts_of):
    for model, total in (("custom-cnn", 849_508), ("resnet50", 24_771_210)):
        (check,) = BY_ID[f"{model}-parameters"].checks
        network = rules.build([BY_ID[other].stated for other in check.of])
        assert network.parameters == total == verdicts_of()[f"{model}-parameters"].recomputed
    ratio = verdicts_of()["thirteen-times"]
    assert ratio.recomputed == pytest.approx(29.16, abs=0.01)
    assert "13.3" in ratio.why


def test_all_images_as_they_are_stored_are_small():
    """What the ledger's note on memory says."""
    images, side = claims.stated("total-images"), claims.stated("image-size")
    assert images * side**2 < 0.1e9
    assert 4 * images * side**2 < 0.4e9
    assert 4 * 3 * images * 224**2 == pytest.approx(66e9, rel=0.01)


def test_what_the_stated_number_of_resnet50s_weights_leaves_out():
    base = ["Input Layer (28×28×3)", "ResNet50 Base", "Dense(512)"]
    last = ["Input Layer (1×1×256)", "Dense(4, softmax)"]
    total = sum(network.parameters for network in rules.networks(base + last))
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
    interval = rules.read(text)
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))
