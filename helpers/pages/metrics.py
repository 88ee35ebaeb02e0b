"""Chapter 4, metrics: its tables, and the sentences that differ from run to run."""

import itertools
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.data.dataset import Dataset
from helpers.evaluation import measures, metrics, triage
from helpers.evaluation.errors import Confusion, WithoutCopies
from helpers.evaluation.measures import NO_BREAK_SPACE, Measure
from helpers.evaluation.metrics import SCORES, Metrics
from helpers.evaluation.selective import Sets
from helpers.evaluation.shift import PrevalenceShift
from helpers.evaluation.triage import Triage
from helpers.models.trainings import Trained
from helpers.pages import words
from helpers.pages.comparisons import SIGNIFICANCE
from helpers.study import architectures
from helpers.study.data_sets import URGENCY_LEVELS, DataSet, class_title

Scores = Mapping[str, Measure]
CALIBRATION_ERROR = "expected calibration error"
NOT_TRIAGED = "Triage is about OCT's four classes; this data set has others."


def triages(shown: Mapping[str, Trained], data_set: DataSet) -> dict[str, Triage]:
    """What each model does as triage; empty where it isn't known what a class asks for."""
    if not triage.applies(data_set):
        return {}
    return {model: triage.triage(each.predictions, data_set) for model, each in shown.items()}


def trust(triages: Mapping[str, Triage], dataset: Dataset) -> str:
    """What a model can be trusted with as triage, in a paragraph."""
    if not triages:
        return NOT_TRIAGED
    asked = f"{100 * triage.SENSITIVITY:.0f} %"
    parts = []
    for model, result in triages.items():
        reached, needless = result.sensitivity, result.specificity.complement()
        is_more, is_less = reached.low > triage.SENSITIVITY, reached.high < triage.SENSITIVITY
        verdict = "more than" if is_more else "less than" if is_less else "which agrees with"
        parts.append(
            f"{architectures.get(model).title} finds {reached.percent()} of the urgent images, "
            f"{verdict} the {asked} asked for, and refers {needless.percent()} of the others as "
            "well"
        )
    is_urgent = triage.urgent(dataset.data_set)
    urgent = ", ".join(map(class_title, itertools.compress(dataset.classes, is_urgent)))
    return (
        f"On the test images of {dataset.in_prose}, with the threshold that finds {asked} of the "
        f"urgent images ({urgent}) of validation: {'; '.join(parts)}."
    )


def trust_table(
    triages: Mapping[str, Triage], measured: Mapping[str, Scores]
) -> pd.DataFrame | None:
    """What a clinician asks first, a column a model; each share with its 95 % interval."""
    columns = {}
    for model, result in triages.items():
        urgent = result.levels.iloc[0]
        sent_home = measures.proportion(int(urgent.iloc[-1]), int(urgent.sum()))
        columns[model] = {
            "finds of the urgent images (sensitivity)": result.sensitivity.percent(),
            "leaves alone of the others (specificity)": result.specificity.percent(),
            "urgent images sent home for observation": sent_home.percent(),
            "names the right one of four classes": measured[model]["accuracy"].percent(),
        }
    return pd.DataFrame(columns).rename_axis("of the test images") if columns else None


def misses(triages: Mapping[str, Triage]) -> pd.DataFrame | None:
    """Images sent to a lower level than they need, gravest first, and those sent too high."""
    rows = {}
    for needs, sent in ((0, 2), (0, 1), (1, 2), (1, 0), (2, 0), (2, 1)) if triages else ():
        levels = {model: result.levels.iloc[needs] for model, result in triages.items()}
        n = int(words.first_seed(levels).sum())
        row = {model: _count(int(counts.iloc[sent]), n) for model, counts in levels.items()}
        rows[URGENCY_LEVELS[needs], URGENCY_LEVELS[sent], n] = row
    return pd.DataFrame(rows).T.rename_axis(["needs", "is sent to", "of"]) if rows else None


def summary_table(measured: Metrics, names: Sequence[str]) -> pd.DataFrame:
    """The named metrics (rows) of each model (columns), first seed, with its interval, as text."""
    first = {model: words.first_seed(by_seed) for model, by_seed in measured.items()}
    rows = {metrics.in_words(name): {m: first[m][name] for m in first} for name in names}
    return measures_table(rows, "metric")


def spread_table(measured: Metrics, names: Sequence[str]) -> pd.DataFrame:
    """The named metrics over seeds, apart from the sampling error, which the intervals hold."""
    rows = {}
    for (model, by_seed), name in itertools.product(measured.items(), names):
        values = {f"seed {seed}": metric[name].value for seed, metric in by_seed.items()}
        each = list(values.values())
        spread = {"mean": np.mean(each), "standard deviation": np.std(each, ddof=1)}
        rows[model, metrics.in_words(name)] = values | spread
    return pd.DataFrame(rows).T.map("{:.3f}".format).rename_axis(["model", "metric"])


def class_table(measured: Scores, classes: Sequence[str]) -> pd.DataFrame:
    """The classification report of one model, as text with intervals: a row a class and average."""
    scores = {metrics.in_words(name): name for name in (*SCORES, "auc")}
    rows = {}
    for name in classes:
        row = {in_words: measured[f"{score}/{name}"].text() for in_words, score in scores.items()}
        rows[class_title(name)] = row | {"images": measured[f"recall/{name}"].n}
    for average in ("macro", "weighted"):
        row = {metrics.in_words(s): measured[f"{average}_{s}"].text() for s in SCORES}
        area = measured["auc/macro"].text() if average == "macro" else ""
        rows[average] = row | {"AUC": area, "images": measured["accuracy"].n}
    return pd.DataFrame(rows).T


def hardest_class(model: str, confusion: np.ndarray, classes: Sequence[str]) -> str:
    """The class with the lowest recall and what it is most often taken for."""
    title = architectures.get(model).sentence_title
    if confusion.trace() == confusion.sum():
        return f"{title} names every image correctly."
    worst = int((confusion.diagonal() / confusion.sum(axis=1)).argmin())
    mistakes = confusion[worst] * (np.arange(len(classes)) != worst)
    most = mistakes.max()
    return (
        f"{title} finds {class_title(classes[worst])} least often: {confusion[worst, worst]} of "
        f"{confusion[worst].sum()}; {most} {'is' if most == 1 else 'are'} taken for "
        f"{class_title(classes[mistakes.argmax()])}."
    )


def paired(tests: pd.DataFrame) -> str:
    """Which of the family of tests show a difference after Holm's correction."""
    is_shown = tests["p (Holm)"] < SIGNIFICANCE
    names_shown = is_shown.sum() <= len(tests) / 2
    parts = [
        f"{_of_class(test.metric)} ({architectures.get(test.second).title} against "
        f"{architectures.get(test.first).title})"
        for test in tests[is_shown == names_shown].itertuples()
    ]
    which = f"; {'these' if names_shown else 'not shown'} are {words.listed(parts)}"
    return (
        f"{is_shown.sum()} of the {len(tests)} differences are shown at 5 % after Holm's correction"
        f"{which if parts else ''}."
    )


def paired_table(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests as text: differences in points (of 100) with their intervals."""
    return pd.DataFrame(
        {
            "pair": tests["second"] + " less " + tests["first"],
            "metric": [_of_class(metric) for metric in tests["metric"]],
            "difference (points)": [
                f"{value:+.1f} [{low:+.1f},{NO_BREAK_SPACE}{high:+.1f}]"
                for value, low, high in 100 * tests[["difference", "low", "high"]].to_numpy()
            ],
            "test": tests["test"],
            "p": [f"{p:.2g}" for p in tests["p"]],
            "p (Holm)": [f"{p:.2g}" for p in tests["p (Holm)"]],
        }
    ).set_index(["pair", "metric"])


def calibration(
    model: str, temperature: float, before: Scores, after: Scores, by_chance: float
) -> str:
    """Whether a model is too sure of itself, and what the temperature mends."""
    sure = "too sure of itself" if temperature > 1 else "not sure enough of itself"
    return (
        f"{architectures.get(model).sentence_title}: on validation the best temperature is "
        f"{temperature:.2f}: it was {sure} there. Its expected calibration error on test is "
        f"{before[CALIBRATION_ERROR].points()} points as it comes and "
        f"{after[CALIBRATION_ERROR].points()} after scaling; a perfectly calibrated model as sure "
        f"as this one would show {100 * by_chance:.1f} by chance alone."
    )


def calibration_table(before: Mapping[str, Scores], after: Mapping[str, Scores]) -> pd.DataFrame:
    """Calibration scores of each model, as they come and after temperature scaling."""
    kinds = {"as it comes": before, "scaled": after}
    rows = {(model, kind): kinds[kind][model] for model in before for kind in kinds}
    return measures_table(rows, "model", "probabilities")


def measures_table(rows: Mapping[Hashable, Scores], *index: str) -> pd.DataFrame:
    """Measures by row and name (columns), as text; `index` names what the rows are."""
    return pd.DataFrame(rows).map(Measure.text).T.rename_axis(list(index))


def prevalence_shift(model: str, fall: PrevalenceShift) -> str:
    """The fall from validation to test and how much of it the class ratio explains."""
    verdict = ", which chance alone could leave"
    if fall.rest.low > 0:
        verdict = ": more than chance, so images of a class differ between the splits"
    elif fall.rest.high < 0:
        verdict = ": test images are easier than validation images of the same class"
    return (
        f"{architectures.get(model).sentence_title}: {fall.validation.percent()} on validation, "
        f"{fall.test.percent()} on test, {fall.total.points()} points less. The changed class "
        f"ratio accounts for {fall.by_ratio.points()}, {fall.rest.points()} are left{verdict}."
    )


def worst_fall(model: str, recalls: Mapping[str, Scores]) -> str:
    """The class whose recall falls most from validation to test (`shift.recalls_by_split`)."""
    title = architectures.get(model).sentence_title
    val, test = recalls["validation"], recalls["test"]
    worst = max(val, key=lambda name: val[name].value - test[name].value)
    if val[worst].value <= test[worst].value:
        return f"{title} finds no class less often on test than on validation."
    return (
        f"{title} loses most on {class_title(worst)}: recall {val[worst].percent()} on validation, "
        f"{test[worst].percent()} on test."
    )


def costliest_confusion(model: str, confusion: Confusion | None) -> str:
    """The confusion that loses most levels of urgency."""
    title = architectures.get(model).sentence_title
    if confusion is None:
        return f"{title} names no image at a lower level than it needs."
    share = measures.proportion(confusion.images, confusion.of)
    return (
        f"{title}: {class_title(confusion.true)} named {class_title(confusion.named)} costs most, "
        f"{confusion.images} of {confusion.of} images, {share.percent()}, each {confusion.levels} "
        f"level{'s' if confusion.levels > 1 else ''} of urgency too low."
    )


def none_there(images: pd.DataFrame) -> str:
    """Says that there is no such image to show; else nothing."""
    return "" if len(images) else "There are none."


def accuracy_table(without: Mapping[str, WithoutCopies]) -> pd.DataFrame:
    """Accuracy with and without copies (`errors.accuracy_without`) as text."""
    rows = {
        what: [each.left_out, each.accuracy.percent() if each.accuracy.n else "no image is left"]
        for what, each in without.items()
    }
    return pd.DataFrame(rows, index=["left out", "accuracy"]).T.rename_axis("without")


def set_table(sets: Mapping[str, Sets]) -> pd.DataFrame:
    """Prediction sets: coverage over all and by class, sizes; a column a model."""
    columns = {}
    for model, each in sets.items():
        by_class = {class_title(name): covered for name, covered in each.by_class.items()}
        covered = {"all": each.coverage} | by_class
        columns[model] = {
            **{f"coverage, {of}": measure.percent() for of, measure in covered.items()},
            "classes in a set, mean": each.size.text(),
            "sets of one class": each.single.percent(),
            "empty sets": each.empty.percent(),
        }
    return pd.DataFrame(columns)


def exchangeability(model: str, on_test: Sets, on_half: Sets, miss: float) -> str:
    """Whether the promised coverage holds on test, and where images are exchangeable."""
    held = "in keeping with" if on_test.coverage.high >= 1 - miss else "short of"
    worst = min(on_test.by_class, key=lambda name: on_test.by_class[name].value)
    return (
        f"{architectures.get(model).sentence_title}: promised {100 * (1 - miss):.0f} %; calibrated "
        f"on one half of validation its sets hold the label of {on_half.coverage.percent()} of the "
        f"other half, and calibrated on all of validation of {on_test.coverage.percent()} of the "
        f"test images, {held} the promise; least often for "
        f"{class_title(worst)}, {on_test.by_class[worst].percent()}."
    )


def error_titles(errors: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """What stands over each confident error: the class, the one named, its probability."""
    names = [words.shortened(name, 18) for name in classes]
    return [
        f"{names[error.true]}, said\n{names[error.predicted]} (p = {error.probability:.2f})"
        for error in errors.itertuples()
    ]


def doubt_titles(doubted: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """What stands over each doubtful label: the label with its probability, the class named."""
    names = [words.shortened(name, 16) for name in classes]
    return [
        f"labelled {names[label.labelled]}\n(p = {label.probability:.2f}), "
        f"said {names[label.predicted]}"
        for label in doubted.itertuples()
    ]


def _of_class(metric: str) -> str:
    """A metric of metrics.json as the tests have it: "AUC, CNV"."""
    kind, *of = metric.split("/")
    return ", ".join([metrics.in_words(kind), *map(class_title, of)])


def _count(count: int, n: int) -> str:
    """A count with Wilson's interval of its share in per cent."""
    _, low, high, _ = measures.proportion(count, n)
    if low is None:  # of no image
        return str(count)
    return f"{count} [{100 * low:.1f},{NO_BREAK_SPACE}{100 * high:.1f}{NO_BREAK_SPACE}%]"
