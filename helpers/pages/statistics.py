"""Chapter 9, statistics: tests, sources of chance, validation against test, labels, coverage."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.evaluation import comparison, measures, metrics, seeds, shift
from helpers.evaluation.errors import Agreement, WithoutCopies
from helpers.evaluation.measures import NO_BREAK_SPACE, Measure
from helpers.evaluation.metrics import Means
from helpers.evaluation.seeds import OverSeeds
from helpers.evaluation.shift import PrevalenceShift
from helpers.models.trainings import Trained
from helpers.pages import comparisons, words
from helpers.pages.comparisons import SIGNIFICANCE
from helpers.pages.study import Study
from helpers.study import architectures
from helpers.study.data_sets import class_title
from helpers.study.settings import REPOSITORY

COVERAGE = REPOSITORY / "benchmarks" / "coverage.json"
# The one metric that the book's conclusions rest on: accuracy, which macro recall is where every
# class has as many test images.
PRIMARY = "macro_recall"


def findings(study: Study) -> list[str]:
    """What the page tells first: the primary endpoint, its leads, and validation against test."""
    means, known = metrics.over_seeds(*study.given), comparisons.informed(study)
    told = [primary(model, means[model][PRIMARY]) for model in known]
    first, *others = known
    told += [difference(first, other, study.by_model) for other in others]
    told += [shift_verdict(model, trainings) for model, trainings in known.items()]
    return [*told, comparisons.left_out(study)]


def primary(model: str, mean: OverSeeds) -> str:
    """The primary endpoint of a model."""
    of = f"mean of {mean.seeds} seeds" if mean.seeds > 1 else "one seed"
    title = architectures.get(model).sentence_title
    return f"{title}: macro recall {mean.measure.percent()} ({of})."


def components(means: Means) -> pd.DataFrame:
    """What the primary endpoint's interval is made of, in points: a row a model."""
    rows = {}
    for model, by_name in means.items():
        mean = by_name[PRIMARY]
        known = mean.units != mean.measure.n
        rows[architectures.get(model).sentence_title] = {
            "macro recall (%)": f"{100 * mean.measure.value:.1f}",
            "sd over seeds": "one seed" if mean.seeds == 1 else f"{100 * mean.between_seeds:.1f}",
            "error by images": f"{100 * mean.by_images:.1f}",
            "error by patients": f"{100 * mean.by_units:.1f}" if known else "not known",
        }
    return pd.DataFrame(rows).T


def patients(means: Means) -> str:
    """What it costs that several test images are of one patient, where that is known."""
    (first, *_) = means.values()
    if first[PRIMARY].units == first[PRIMARY].measure.n:
        return (
            "Which test images are of one patient isn't known here, so images are resampled; where "
            "patients have several, intervals are too narrow."
        )
    effects = [
        (by_name[PRIMARY].by_units / by_name[PRIMARY].by_images) ** 2
        for by_name in means.values()
        if by_name[PRIMARY].by_images
    ]
    return (
        f"The {first[PRIMARY].measure.n:,} test images are of {first[PRIMARY].units:,} patients. "
        f"Resampling patients in place of images changes the variance by a factor of "
        f"{min(effects):.2f} to {max(effects):.2f} (the design effect on the mean over seeds)."
    )


def difference(first: str, second: str, by_model: Mapping[str, list[Trained]]) -> str:
    """By how much a model is the more accurate one, over seeds."""
    labels = by_model[first][0].predictions.test_labels
    right = [
        np.stack([t.predicted == t.predictions.test_labels for t in by_model[model]])
        for model in (first, second)
    ]
    gain = seeds.mean_difference(*right, labels)
    is_chance = gain.low is None or gain.low <= 0 <= gain.high
    verdict = "chance could leave that" if is_chance else "more than chance leaves"
    of = "in the mean of their seeds, " if len(right[0]) > 1 else ""
    return (
        f"{architectures.get(second).sentence_title} less {architectures.get(first).title}: {of}"
        f"{_signed(gain)} points of accuracy, {verdict}."
    )


def paired(tests: pd.DataFrame) -> str:
    """Which of the family of tests show a difference after Holm's correction."""
    untested = tests[tests["p"].isna()]
    tests = tests[tests["p"].notna()]
    is_shown = tests["p (Holm)"] < SIGNIFICANCE
    names_shown = is_shown.sum() <= len(tests) / 2
    which = f"; {'these' if names_shown else 'not shown'} are "
    parts = _of_tests(tests[is_shown == names_shown])
    told = (
        f"{is_shown.sum()} of the {len(tests)} differences are shown at 5 % after Holm's correction"
        f"{which + words.listed(parts) if parts else ''}."
    )
    if len(untested):
        told += f" Without a variance, and so without a test: {words.listed(_of_tests(untested))}."
    return told


def paired_table(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests as text, a row a pair and metric: differences in points (of 100), p-values."""
    rows = {}
    for test in tests.itertuples():
        ends = [words.signed(100 * end) for end in (test.difference, test.low, test.high)]
        known = "" if np.isnan(test.low) else f" [{ends[1]},{NO_BREAK_SPACE}{ends[2]}]"
        mid_p = tests.at[test.Index, "mid-p"]
        rows[f"{test.second} less {test.first}: {_of_class(test.metric)}"] = {
            "points": ends[0] + known,
            "p": _short(test.p),
            "mid-p": "" if np.isnan(mid_p) else _short(mid_p),
            "p (Holm)": _short(tests.at[test.Index, "p (Holm)"]),
        }
    return pd.DataFrame(rows).T


def power(first: Trained, second: Trained) -> str:
    """What difference in accuracy this test split could have shown."""
    compared = comparison.compare(first, second)
    n, differing = compared.difference.n, compared.only_first + compared.only_second
    share = differing / n
    told = f"On {differing} of {n:,} test images ({100 * share:.0f} %) only one of the two is right"
    if not differing:
        return f"{told}: no test could tell them apart."
    least = comparison.least_difference(n, share)
    found = (
        "not even the greatest difference that this allows is found four times of five"
        if least is None
        else f"a difference of {100 * least:.1f} points is found four times of five"
    )
    odds = [
        f"of {points} point{'s' * (points != 1)} {comparison.power(n, share, points / 100):.2f}"
        for points in (0.3, 1, 3)
        if points / 100 <= share
    ]
    chances = f"; the chance of finding one {words.listed(odds)}" if odds else ""
    return f"{told}. At such a rate {found} by McNemar's exact test at 5 %{chances}."


def agreement(first: str, second: str, of: Agreement) -> str:
    """How far two models name the same images alike."""
    a, b = (architectures.get(model) for model in (first, second))
    return (
        f"{a.sentence_title} and {b.title} name the same class on {of.agree.percent()} of the test "
        f"images (Cohen's kappa {of.kappa.text()}); both are wrong on {of.both_wrong.percent()}, "
        f"in the same way on {of.same_error.percent()}."
    )


def shift_verdict(model: str, trainings: Sequence[Trained]) -> str:
    """Whether test images are harder than validation images of the same class, over seeds."""
    rest = shift.gap_over_seeds([trained.predictions for trained in trainings])
    lead = "are not shown to be harder or easier than"
    if rest.low is not None and rest.low > 0:
        lead = "are harder than"
    elif rest.high is not None and rest.high < 0:
        lead = "are easier than"
    return (
        f"Test images {lead} validation images of their class for {architectures.get(model).title}:"
        f" at test's class ratio, validation minus test is {_signed(rest)} points."
    )


def prevalence_shift(model: str, of: PrevalenceShift) -> str:
    """The step from validation to test in one seed, and how much of it the class ratio explains."""
    total, ratio, rest = (_signed(part) for part in (of.total, of.by_ratio, of.rest))
    return (
        f"{architectures.get(model).sentence_title}: {of.validation.percent()} on validation, "
        f"{of.test.percent()} on test. Validation minus test is {total} points; the changed class "
        f"ratio accounts for {ratio}, {rest} are left."
    )


def worst_fall(model: str, recalls: Mapping[str, Mapping[str, Measure]]) -> str:
    """The classes whose recall is told apart on validation and test (`shift.recalls_by_split`)."""
    title, parts = architectures.get(model).sentence_title, []
    for name, val in recalls["validation"].items():
        test = recalls["test"][name]
        if val.n and test.n:
            gap = measures.combined([1, -1], [val, test])
            if gap.low > 0 or gap.high < 0:
                parts.append(f"{class_title(name)} by {_signed(gap)} points")
    if not parts:
        return f"{title} finds no class measurably more or less often on validation than on test."
    return f"{title}: recall on validation differs from that on test for {words.listed(parts)}."


def class_ratio(model: str, trained: Trained, prior: np.ndarray) -> str:
    """What correcting for a changed class ratio does, the ratio being told by predictions alone."""
    of = trained.predictions
    labels, p = of.test_labels, of.test_probabilities
    adapted, estimate = shift.adapted_to_prior(p, prior)
    truth = np.bincount(labels, minlength=len(prior)) / len(labels)
    gain = (adapted.argmax(axis=1) == labels).astype(float) - (p.argmax(axis=1) == labels)
    change, title = measures.mean(gain, labels), architectures.get(model).sentence_title
    lead = (
        f"{title}: the ratio estimated from its predictions is at most "
        f"{100 * np.abs(estimate - truth).max():.0f} points off the true one; correcting for it "
    )
    if not gain.any():
        return f"{lead}changes nothing in which images are named correctly."
    verdict = "which chance could leave"
    if change.low > 0:
        verdict = "so it helps"
    elif change.high < 0:
        verdict = "so it harms: probabilities aren't calibrated, or images of a class differ"
    return f"{lead}changes accuracy by {_signed(change)} points, {verdict}."


def doubts(model: str, doubted: pd.DataFrame, labels: int) -> str:
    """How many validation labels a model doubts."""
    share = measures.proportion(len(doubted), labels)
    return (
        f"By {architectures.get(model).title}, {len(doubted)} of {labels:,} validation labels "
        f"({share.percent()}) are doubtful."
    )


def doubt_titles(doubted: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """What stands over each doubtful label: the label with its probability, the class named."""
    names = [words.shortened(name, 12) for name in classes]
    return [
        f"label {names[label.labelled]}\n(p = {label.probability:.2f}),\n"
        f"named {names[label.predicted]}"
        for label in doubted.itertuples()
    ]


def without_copies(model: str, without: Mapping[str, WithoutCopies]) -> str:
    """What leaving copies out of the test split changes (`errors.accuracy_without`)."""
    title = architectures.get(model).sentence_title
    everything = without["nothing"].accuracy
    parts = []
    for what, each in without.items():
        if each.left_out:
            left = each.accuracy
            value = f"{100 * left.value:.1f} %" if left.n else "no image is left"
            parts.append(f"without {each.left_out} {what}, {value}")
    if not parts:
        return f"{title}: no test image has a copy."
    return f"{title}: accuracy {100 * everything.value:.1f} %; {'; '.join(parts)}."


def evaluator(differences: pd.DataFrame) -> str:
    """Whether MedMNIST's own evaluator gets the same, in a word."""
    largest = float(differences.to_numpy().max())
    if largest < 1e-12:
        return "Yes, to the last digit."
    return f"Yes, to {largest:.0e}." if largest < 1e-6 else f"No: they differ by {largest:.2g}."


def coverage_table() -> pd.DataFrame:
    """How often intervals hold the truth, in per cent, as `benchmarks/coverage.py` measured it.

    With Wilson's interval of that share itself.
    """
    told = json.loads(COVERAGE.read_text(encoding="utf-8"))
    sets = told.pop("sets")
    table = pd.DataFrame({f"{int(n):,} test images": shares for n, shares in told.items()})
    return table.map(lambda share: measures.proportion(round(share * sets), sets).percent())


def _of_tests(tests: pd.DataFrame) -> list[str]:
    return [
        f"{_of_class(test.metric)} ({architectures.get(test.second).title} against "
        f"{architectures.get(test.first).title})"
        for test in tests.itertuples()
    ]


def _of_class(metric: str) -> str:
    """A metric of metrics.json as the tests have it: "AUC, CNV"."""
    kind, *of = metric.split("/")
    return ", ".join([metrics.in_words(kind), *map(class_title, of)])


def _short(p: float) -> str:
    return words.p_value(p).removeprefix("p = ").removeprefix("p ")


def _signed(part: Measure) -> str:
    if part.low is None:
        return words.signed(100 * part.value)
    value, low, high = (words.signed(100 * end) for end in part[:3])
    return f"{value} [{low}, {high}]"
