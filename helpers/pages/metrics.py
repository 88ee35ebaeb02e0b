"""What the metrics chapter finds, as sentences and tables computed from the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers import acquisition, claims, evaluation, triage
from helpers.evaluation import measure_in_words
from helpers.sentences import LONG_NAMES, capital, class_name, listed, percent

if TYPE_CHECKING:
    from helpers.evaluation import Measure
    from helpers.failures import Confusion
    from helpers.selective import Sets
    from helpers.triage import Triage

SIGNIFICANCE = 0.05


def trust_table(found: dict[str, Triage], measures: dict[str, dict[str, Measure]]) -> pd.DataFrame:
    """What a clinician asks first, a column a model; each share with its 95 % interval."""
    columns = {}
    for model, result in found.items():
        grave = result.levels.loc[triage.LEVELS[0]]
        columns[model] = {
            "finds of the urgent images (sensitivity)": percent(result.sensitivity),
            "leaves alone of the others (specificity)": percent(result.specificity),
            "urgent images sent home for observation": percent(
                evaluation.proportion(int(grave[triage.LEVELS[2]]), int(grave.sum()))
            ),
            "names the right one of four classes": percent(measures[model]["accuracy"]),
        }
    return pd.DataFrame(columns).rename_axis("of the test images")


def trust(found: dict[str, Triage], dataset_name: str) -> str:
    """What a model can be trusted with as triage, in a paragraph."""
    parts = []
    for model, result in found.items():
        reached = result.sensitivity["low"] <= triage.SENSITIVITY <= result.sensitivity["high"]
        above = result.sensitivity["low"] > triage.SENSITIVITY
        verdict = "which agrees with" if reached else f"{'more' if above else 'less'} than"
        parts.append(
            f"{LONG_NAMES[model]} finds {percent(result.sensitivity)} of the urgent images, "
            f"{verdict} the {100 * triage.SENSITIVITY:.0f} % asked for, and refers "
            f"{percent(_complement(result.specificity))} of the others as well"
        )
    return (
        f"On the test images of {claims.in_prose(dataset_name)}, with the threshold that finds "
        f"{100 * triage.SENSITIVITY:.0f} % of the urgent images (CNV, DME) of validation: "
        f"{'; '.join(parts)}."
    )


def paired(tests: pd.DataFrame) -> str:
    """Which of the family of tests show a difference after Holm's correction."""
    shown = tests["p (Holm)"] < SIGNIFICANCE
    named = tests[shown] if shown.sum() <= len(tests) / 2 else tests[~shown]
    text = f"{shown.sum()} of the {len(tests)} differences are shown at 5 % after Holm's correction"
    if named.empty:
        return f"{text}."
    parts = [
        f"{metric} ({LONG_NAMES[second]} against {LONG_NAMES[first]})"
        for first, second, metric in named[["first", "second", "metric"]].to_numpy()
    ]
    which = "these are" if shown[named.index[0]] else "not shown are"
    return f"{text}; {which} {listed(parts)}."


def paired_table(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests as text: differences in points (of 100) with their intervals."""
    return pd.DataFrame(
        {
            "pair": tests["second"] + " less " + tests["first"],
            "metric": tests["metric"],
            "difference (points)": [
                "{:+.1f} [{:+.1f},\N{NO-BREAK SPACE}{:+.1f}]".format(*100 * values)
                for values in tests[["difference", "low", "high"]].to_numpy()
            ],
            "test": tests["test"],
            "p": [f"{p:.2g}" for p in tests["p"]],
            "p (Holm)": [f"{p:.2g}" for p in tests["p (Holm)"]],
        }
    ).set_index(["pair", "metric"])


def calibration_table(
    before: dict[str, dict[str, Measure]], after: dict[str, dict[str, Measure]]
) -> pd.DataFrame:
    """Calibration scores of each model, as they come and after temperature scaling."""
    rows = {}
    for model in before:
        for label, found in (("as it comes", before[model]), ("scaled", after[model])):
            rows[model, label] = {name: measure_in_words(m) for name, m in found.items()}
    return pd.DataFrame(rows).T.rename_axis(["model", "probabilities"])


def calibration(
    model: str,
    temperature: float,
    before: dict[str, Measure],
    after: dict[str, Measure],
    by_chance: float,
) -> str:
    """Whether a model is too sure of itself, and what the temperature mends."""
    name = "expected calibration error"
    sure = "too sure of itself" if temperature > 1 else "not sure enough of itself"
    return (
        f"{capital(LONG_NAMES[model])}: on validation the best temperature is {temperature:.2f}: "
        f"it was {sure} there. Its expected calibration error on test is "
        f"{_points(before[name])} points as it comes and {_points(after[name])} after scaling; a "
        f"perfectly calibrated model as sure as this one would show {100 * by_chance:.1f} by "
        "chance alone."
    )


def gap(model: str, found: dict[str, Measure]) -> str:
    """The fall from validation to test and how much of it label shift explains."""
    total = found["fall: total"]
    text = (
        f"{capital(LONG_NAMES[model])}: {percent(found['validation accuracy'])} on validation, "
        f"{percent(found['test accuracy'])} on test, {_points(total)} points less. The changed "
        f"class ratio accounts for {_points(found['fall: label shift'])}, "
        f"{_points(found['fall: the rest'])} are left"
    )
    rest = found["fall: the rest"]
    if rest["low"] > 0:
        return f"{text}: more than chance, so images of a class differ between the splits."
    if rest["high"] < 0:
        return f"{text}: test images are easier than validation images of the same class."
    return f"{text}, which chance alone could leave."


def prior_correction(
    model: str, estimate: np.ndarray, truth: np.ndarray, before: Measure, after: Measure
) -> str:
    """What Saerens's correction estimates and what it gains on test."""
    off = 100 * np.abs(estimate - truth).max()
    return (
        f"{capital(LONG_NAMES[model])}: the class ratio estimated from test predictions alone is "
        f"{' / '.join(f'{100 * share:.0f}' for share in estimate)} %, at most {off:.0f} points off "
        f"the true one ({' / '.join(f'{100 * share:.0f}' for share in truth)} %); accuracy is "
        f"{percent(after)} after the correction, {percent(before)} before."
    )


def worst_fall(model: str, recalls: pd.DataFrame) -> str:
    """The class whose recall falls most from validation to test."""
    by_split = recalls.pivot(index="class", columns="split", values="recall")
    fall = by_split["validation"] - by_split["test"]
    name = fall.idxmax()
    ends = recalls[recalls["class"] == name].set_index("split")
    val, test = (ends.loc[split].rename({"recall": "value"}) for split in ("validation", "test"))
    if fall.max() <= 0:
        return f"{capital(LONG_NAMES[model])} finds no class less often on test than on validation."
    return (
        f"{capital(LONG_NAMES[model])} loses most on {class_name(name)}: recall {percent(val)} on "
        f"validation, {percent(test)} on test."
    )


def costliest_confusion(model: str, found: Confusion | None) -> str:
    """The confusion that loses most levels of urgency."""
    if found is None:
        return f"{capital(LONG_NAMES[model])} names no image at a lower level than it needs."
    return (
        f"{capital(LONG_NAMES[model])}: {class_name(found.true)} named {class_name(found.named)} "
        f"costs most, {found.images} of {found.of} images, "
        f"{percent(evaluation.proportion(found.images, found.of))}, each {found.levels} "
        f"level{'s' if found.levels > 1 else ''} of urgency too low."
    )


def error_titles(errors: pd.DataFrame, classes: tuple[str, ...]) -> list[str]:
    """What stands over each confident error: the class, the one named, its probability."""
    return [
        f"{class_name(classes[row['true']])}, said\n{class_name(classes[row['predicted']])} "
        f"(p = {row['probability']:.2f})"
        for _, row in errors.astype({"true": int, "predicted": int}).astype(object).iterrows()
    ]


def doubt_titles(doubted: pd.DataFrame, classes: tuple[str, ...]) -> list[str]:
    """What stands over each doubtful label: the label with its probability, the class named."""
    return [
        f"labelled {class_name(classes[row['labelled']])}\n(p = {row['probability']:.2f}), said "
        f"{class_name(classes[row['predicted']])}"
        for _, row in doubted.astype(object).iterrows()
    ]


def agreement(first: str, second: str, found: dict[str, Measure]) -> str:
    """How far two models fail on the same images."""
    kappa = found["kappa"]
    return (
        f"{capital(LONG_NAMES[first])} and {LONG_NAMES[second]} name the same class on "
        f"{percent(found['agree'])} of the test images (Cohen's kappa {kappa['value']:.2f} "
        f"[{kappa['low']:.2f}, {kappa['high']:.2f}]). Both are wrong on "
        f"{percent(found['both wrong'])}, in the same way on {percent(found['same error'])}."
    )


def parts_table(found: dict[str, dict[str, Measure]]) -> pd.DataFrame:
    """Measures by model (rows) and name (columns), as text."""
    return pd.DataFrame(
        {
            model: {name: measure_in_words(m) for name, m in parts.items()}
            for model, parts in found.items()
        }
    ).T.rename_axis("model")


def accuracy_table(found: pd.DataFrame) -> pd.DataFrame:
    """Accuracy with and without copies (`failures.accuracy_without`) as text."""
    return pd.DataFrame(
        {
            "left out": found["left out"].astype(int),
            "accuracy": [percent(row) for _, row in found.iterrows()],
        }
    )


def doubtful_labels(model: str, doubted: pd.DataFrame, n: int) -> str:
    """How many validation labels confident learning doubts by one model's predictions."""
    share = evaluation.proportion(len(doubted), n)
    return (
        f"By {LONG_NAMES[model]}, {len(doubted)} of {n:,} validation labels ({percent(share)}) are "
        "doubtful."
    )


def selective(model: str, area: Measure, curve: pd.DataFrame) -> str:
    """What a model gains by answering only when it is sure."""
    half = curve.iloc[int(np.ceil(len(curve) / 2)) - 1]
    everything = curve.iloc[-1]
    return (
        f"{capital(LONG_NAMES[model])}: of the half that it is surest of "
        f"{_share(half)} are wrong, of all {_share(everything)}; the area under the curve (AURC) "
        f"is {measure_in_words(area)}."
    )


def set_table(found: dict[str, Sets]) -> pd.DataFrame:
    """Prediction sets: coverage over all and by class, sizes; a column a model."""
    columns = {}
    for model, sets in found.items():
        columns[model] = {
            **{
                f"coverage, {class_name(name)}": percent(measure)
                for name, measure in sets.coverage.items()
            },
            "classes in a set, mean": measure_in_words(sets.size),
            "sets of one class": percent(sets.single),
            "empty sets": percent(sets.empty),
        }
    return pd.DataFrame(columns)


def exchangeability(model: str, on_test: Sets, on_half: Sets, miss: float) -> str:
    """Whether the promised coverage holds on test, and where images are exchangeable."""
    promised = f"{100 * (1 - miss):.0f} %"
    test, half = on_test.coverage["all"], on_half.coverage["all"]
    holds = test["high"] >= 1 - miss
    worst = min(
        (name for name in on_test.coverage if name != "all"),
        key=lambda name: on_test.coverage[name]["value"],
    )
    return (
        f"{capital(LONG_NAMES[model])}: promised {promised}; calibrated on one half of validation "
        f"its sets hold the label of {percent(half)} of the other half, and calibrated on all of "
        f"validation of {percent(test)} of the test images, "
        f"{'in keeping with' if holds else 'short of'} the promise; least often for "
        f"{class_name(worst)}, {percent(on_test.coverage[worst])}."
    )


def scan_widths(widths: dict[str, np.ndarray] | None) -> str:
    """How many scans of each split are of high resolution, and what that does to their pictures."""
    if widths is None:
        return (
            "How wide the scans behind these images were is not known here: there is no "
            f"`{acquisition.MANIFEST}` beside the data. What follows draws out every validation "
            "image alike; it tells what a model can bear, not what explains a gap."
        )
    shares = [
        f"{100 * acquisition.is_high_resolution(own).mean():.0f} % in {split}"
        for split, own in widths.items()
    ]
    return (
        f"Scans of high resolution, with twice the columns across the same angle, are "
        f"{listed(shares)}. A square is cut from the middle of every scan; cut from one of high "
        "resolution it holds half as much of the eye, drawn out to twice its width."
    )


def variants(from_finer: bool) -> str:
    """How validation images are drawn out, and against what control."""
    if from_finer:
        return (
            f"They are drawn out from the same scans at {acquisition.FINER} px, so that no detail "
            "is lost; the control is made from those alike, but not drawn out."
        )
    return (
        "Drawing out an image of this size loses detail across, which a true scan of high "
        "resolution has; the control loses as much and moves nothing."
    )


def recall_by_variant(found: dict[str, dict[str, Measure]]) -> pd.DataFrame:
    """Accuracy and recalls (rows) on each variant of the images (columns), as text."""
    return pd.DataFrame(
        {
            variant: {evaluation.in_words(name): percent(m) for name, m in measures.items()}
            for variant, measures in found.items()
        }
    )


def by_resolution(model: str, val_right: np.ndarray, widths: np.ndarray) -> str:
    """Accuracy on validation scans of either resolution: what nature's own experiment says."""
    high = acquisition.is_high_resolution(widths)
    shares = [
        evaluation.proportion(int(val_right[own].sum()), int(own.sum())) for own in (high, ~high)
    ]
    if not all(share["n"] for share in shares):
        return f"{capital(LONG_NAMES[model])}: validation has scans of one resolution alone."
    return (
        f"{capital(LONG_NAMES[model])} names {percent(shares[0])} of the {shares[0]['n']} "
        f"validation scans of high resolution correctly, {percent(shares[1])} of the "
        f"{shares[1]['n']} others."
    )


def stretching(name: str, found: dict[str, Measure], control: dict[str, Measure]) -> str:
    """What drawing out validation images costs, and its control (both by `acquisition.gap`).

    `name` is the training, as a sentence begins.
    """
    left, beyond = found["left"], found["closed"]["low"] > control["closed"]["high"]
    return (
        f"{name}: at test's class ratio validation less test is {_points(found['gap'])} points. "
        f"Drawing out validation images costs {_points(found['closed'])} points, the control "
        f"{_points(control['closed'])}: the shape by itself "
        f"{'costs' if beyond else 'is not shown to cost'} accuracy. Validation drawn out, "
        f"less test, is {_points(left)} points"
        f"{'' if left['low'] <= 0 <= left['high'] else ', which is not nothing'}."
    )


def _complement(share: Measure) -> Measure:
    return {"value": 1 - share["value"], "low": 1 - share["high"], "high": 1 - share["low"]}


def _points(measure: Measure) -> str:
    return f"{100 * measure['value']:.1f} [{100 * measure['low']:.1f}, {100 * measure['high']:.1f}]"


def _share(row: pd.Series) -> str:
    return f"{100 * row['risk']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
