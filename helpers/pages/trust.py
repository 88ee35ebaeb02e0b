"""Chapter 8, trust: what a model may be used for; a verdict, a figure and few words a section."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.evaluation import calibration, measures, metrics, seeds, selective, triage
from helpers.evaluation.errors import Confusion
from helpers.evaluation.measures import NO_BREAK_SPACE, Measure
from helpers.evaluation.selective import Sets
from helpers.models.trainings import Trained
from helpers.pages import comparisons, style, words
from helpers.pages.comparisons import model_title
from helpers.pages.study import Study
from helpers.study import architectures
from helpers.study.data_sets import URGENCY_LEVELS, DataSet, class_title

Models = Mapping[str, Trained]
NOT_TRIAGED = "Triage is about OCT's four classes; this data set has others."
ERROR = calibration.BINNED[0]
# An assumption, to see what it changes: of a hundred eyes that aren't urgent so many are normal.
NORMAL_IN_A_CLINIC = 0.95
MISS = 0.1  # how often a prediction set may lack the label


class Triaged(NamedTuple):
    """Triage by one model: means over seeds, of shares of the test images that are given."""

    sensitivity: Measure  # of the urgent
    sent_home: Measure  # of the urgent
    needless: Measure  # of the others


class Calibrated(NamedTuple):
    """What is known of a model's probabilities, each seed at its place.

    temperature : fitted on validation; error : the expected calibration error on test, as it comes
    and scaled; chance : what a perfectly calibrated model as sure as this one shows.
    """

    temperature: list[Measure]
    error: list[float]
    scaled: list[float]
    chance: list[calibration.ByChance]


def findings(study: Study) -> list[str]:
    """What the page tells first, of models that know something."""
    known, data_set = comparisons.informed(study), study.dataset.data_set
    told = []
    for model, trainings in known.items():
        if triage.applies(data_set):
            told.append(triage_verdict(model, triaged(trainings, data_set)))
        told.append(calibration_verdict(model, calibrated(trainings)))
    return [*told, comparisons.left_out(study)]


def triaged(trainings: Sequence[Trained], data_set: DataSet) -> Triaged:
    """Triage by each seed of a model, at that seed's own threshold."""
    labels, level = trainings[0].predictions.test_labels, triage.level_of(data_set)
    results = [triage.triage(trained.predictions, data_set) for trained in trainings]
    assigned = np.stack([result.assigned for result in results])
    urgent = level[labels] == 0

    def share(hits: np.ndarray, among: np.ndarray) -> Measure:
        return seeds.mean_share(hits[:, among], labels[among])

    calmest = len(URGENCY_LEVELS) - 1
    return Triaged(
        share(assigned == 0, urgent),
        share(assigned == calmest, urgent),
        share(assigned == 0, ~urgent),
    )


def triage_verdict(model: str, of: Triaged) -> str:
    """Whether a model finds as many urgent images as asked for, and what it costs."""
    asked, found = triage.SENSITIVITY, of.sensitivity
    verdict = "as many as"
    if found.high < asked:
        verdict = "fewer than"
    elif found.low > asked:
        verdict = "more than"
    return (
        f"{architectures.get(model).sentence_title} finds {found.percent()} of the urgent images, "
        f"{verdict} the {100 * asked:.0f} % asked for; it would send {of.sent_home.percent()} of "
        f"them home, and refer {of.needless.percent()} of the others urgently."
    )


def misses(results: Mapping[str, triage.Triage]) -> pd.DataFrame:
    """Images by the level needed and the level given, where these differ, the gravest first."""
    rows = {}
    for needs, sent in ((0, 2), (0, 1), (1, 2), (1, 0), (2, 0), (2, 1)):
        what = f"{URGENCY_LEVELS[needs]} → {URGENCY_LEVELS[sent]}"
        rows[what] = {
            architectures.get(model).sentence_title: _count(
                int(result.levels.iloc[needs, sent]), int(result.levels.iloc[needs].sum())
            )
            for model, result in results.items()
        }
    return pd.DataFrame(rows).T


def decision_verdict(shown: Models, data_set: DataSet, resamples: np.ndarray) -> str:
    """From which probability on acting on each model does more good than treating all alike."""
    told = []
    for model, points in _net_benefits(shown, data_set, resamples).items():
        is_better = (points["low"] > 0) & (points["low over all"] > 0)
        title = architectures.get(model).sentence_title
        if is_better.any():
            at = [f"{100 * end:.0f}" for end in (is_better[is_better].index[[0, -1]])]
            told.append(
                f"{title} does more good than referring everyone or no one at thresholds from "
                f"{at[0]} to {at[1]} %."
            )
        else:
            told.append(f"{title} is not shown to do more good than referring everyone or no one.")
    return " ".join(told)


def decision_curves(shown: Models, data_set: DataSet, resamples: np.ndarray) -> Figure:
    """Net benefit of each model by threshold, beside referring all and none."""
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    for model, points in _net_benefits(shown, data_set, resamples).items():
        points = points.set_axis(100 * points.index)
        _band(axis, model, points["model"], points)
    everyone = points["refer all"]
    axis.plot(everyone.index, everyone, color="black", ls="--", lw=1, label="refer all")
    axis.axhline(0, color="black", ls=":", lw=1, label="refer none")
    axis.set(ylim=(-0.1, None))
    axis.set_ylabel("net benefit per image", fontsize=9)
    axis.set_xlabel("threshold: probability (%) from which on one refers", fontsize=9)
    _finish(axis)
    return figure


def precision_by_prevalence(
    shown: Models, data_set: DataSet, resamples: np.ndarray
) -> tuple[Figure, str]:
    """Precision of "urgent" by prevalence, as the others are mixed on test and in a clinic.

    With the sentence that reads it where one patient in a hundred is urgent.
    """
    at = np.geomspace(0.001, 0.5, 40)
    clinic = triage.clinics_mix(data_set, NORMAL_IN_A_CLINIC)
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    told = []
    for model, trained in shown.items():
        labels, colour = trained.predictions.test_labels, architectures.get(model).colour
        called = triage.triage(trained.predictions, data_set).assigned == 0
        positives, others = triage.mixes(labels, data_set)
        curves = [
            triage.precision_at(called, labels, (positives, mix), np.append(at, 0.01), resamples)
            for mix in (others, clinic)
        ]
        as_tested, in_clinic = (100 * curve.set_axis(100 * curve.index) for curve in curves)
        _band(axis, model, as_tested["precision"].iloc[:-1], as_tested.iloc[:-1])
        axis.plot(100 * at, in_clinic["precision"].iloc[:-1], color=colour, ls="--")
        both = [f"{curve['precision'].iloc[-1]:.0f} %" for curve in (as_tested, in_clinic)]
        told.append(
            f"{architectures.get(model).sentence_title}: were 1 in 100 urgent, {both[0]} of those "
            f"called urgent would be, with the others mixed as on test, and {both[1]} were "
            f"{100 * NORMAL_IN_A_CLINIC:.0f} % of the others normal."
        )
    axis.plot([], [], color=style.GREY, ls="--", label=f"{100 * NORMAL_IN_A_CLINIC:.0f} % normal")
    axis.set(xscale="log", ylim=(0, 100))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlabel("urgent eyes among all (%)", fontsize=9)
    axis.set_ylabel("urgent among those called so (%)", fontsize=9)
    _finish(axis)
    return figure, " ".join(told)


def calibrated(trainings: Sequence[Trained]) -> Calibrated:
    """The calibration of each seed of a model on test."""
    fitted = [
        calibration.fit_temperature(t.predictions.val_probabilities, t.predictions.val_labels)
        for t in trainings
    ]
    raw = [t.predictions.test_probabilities for t in trainings]
    scaled = [calibration.scaled(p, at.value) for p, at in zip(raw, fitted, strict=True)]
    labels = trainings[0].predictions.test_labels
    once = measures.everything(len(labels))
    errors = [
        [float(calibration.resampled(p, labels, once)[ERROR][0]) for p in of]
        for of in (raw, scaled)
    ]
    return Calibrated(fitted, *errors, [calibration.by_chance(p)[ERROR] for p in raw])


def calibration_verdict(model: str, of: Calibrated) -> str:
    """Whether probabilities can be taken at their word, over a model's seeds."""
    count = len(of.error)
    is_off = [error > chance.high for error, chance in zip(of.error, of.chance, strict=True)]
    says = "can be taken at their word, as far as so many images tell"
    if all(is_off):
        says = "can't be taken at their word"
    elif any(is_off):
        says = f"can't be taken at their word in {sum(is_off)} of {count} seeds"
    error, low, high = (
        100 * float(np.mean(each))
        for each in (of.error, [c.low for c in of.chance], [c.high for c in of.chance])
    )
    return (
        f"The probabilities that {architectures.get(model).title} gives for the classes that it "
        f"names {says}: they are off by {error:.1f} points on average, where a perfectly "
        f"calibrated model would show {low:.1f} "
        f"to {high:.1f} by chance."
    )


def temperature(model: str, of: Calibrated) -> str:
    """Which way a model is off, by its first seed's temperature, and what scaling mends there."""
    at, title = of.temperature[0], architectures.get(model).sentence_title
    if at.low is None:
        return f"{title}: validation labels tell no temperature."
    sure = "which can't be told from 1"
    if at.low > 1:
        sure = "so it was too sure of itself there"
    elif at.high < 1:
        sure = "so it was not sure enough of itself there"
    return (
        f"{title}: on validation the best temperature is {at.value:.2f} [{at.low:.2f}, "
        f"{at.high:.2f}], {sure}. On test scaling takes the error from {100 * of.error[0]:.1f} to "
        f"{100 * of.scaled[0]:.1f} points."
    )


def reliability(shown: Models, temperatures: Mapping[str, Measure]) -> Figure:
    """Reliability on test with Wilson intervals, and below it how many images each bin has.

    As a model comes (filled), and scaled (hollow) where its temperature can be told from 1.
    """
    columns, down = min(2, len(shown)), -(-len(shown) // 2)
    look = {"height_ratios": [3, 1] * down, "squeeze": False, "sharex": True}
    figure, axes = plt.subplots(
        2 * down, columns, figsize=(3.2 * columns, 3.9 * down + 0.4), **look
    )
    pairs = axes.reshape(down, 2, columns).transpose(0, 2, 1).reshape(-1, 2)
    for axis, below in pairs[len(shown) :]:
        axis.set_axis_off()
        below.set_axis_off()
    are_scaled = [
        _reliability(axis, below, trained, temperatures[model])
        for (axis, below), (model, trained) in zip(pairs, shown.items(), strict=False)
    ]
    for axis, below in axes[:, 0].reshape(-1, 2):
        axis.set_ylabel("named correctly (%)", fontsize=9)
        below.set_ylabel("images", fontsize=9)
    marks = [style.mark("as it comes", "o", style.GREY)]
    if any(are_scaled):
        marks.append(style.mark("scaled", "o", style.GREY, mfc="white"))
    figure.legend(handles=marks, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def _reliability(axis: plt.Axes, below: plt.Axes, trained: Trained, at: Measure) -> bool:
    """Draw a model's two panels; whether it is drawn scaled as well."""
    colour = architectures.get(trained.model).colour
    raw, labels = trained.predictions.test_probabilities, trained.predictions.test_labels
    axis.plot([0, 100], [0, 100], color=style.FAINT, lw=0.8, ls=":")
    kinds = [(raw, colour)]
    is_scaled = at.low is not None and not at.low <= 1 <= at.high
    if is_scaled:
        kinds.append((calibration.scaled(raw, at.value), "white"))
    for probabilities, fill in kinds:
        points = calibration.reliability(probabilities, labels)
        value = 100 * points["accuracy"]
        reach = [value - 100 * points["low"], 100 * points["high"] - value]
        look = {"fmt": "o", "color": colour, "mfc": fill, "ms": 4, "lw": 0.8}
        axis.errorbar(100 * points["confidence"], value, yerr=reach, **look)
    edges = np.linspace(0, 100, calibration.BINS + 1)
    below.hist(100 * raw.max(axis=1), bins=edges, color=colour)
    axis.set_title(model_title(trained.model), fontsize=10)
    axis.set(xlim=(0, 102), ylim=(-2, 102))
    below.set_xlabel("probability of the named class (%)", fontsize=9)
    axis.tick_params(labelsize=9)
    below.tick_params(labelsize=9, labelbottom=True)
    return is_scaled


def calibration_table(shown: Models, resamples: np.ndarray) -> pd.DataFrame:
    """Each model's calibration scores on test, and what chance alone shows of the binned ones."""
    columns = {}
    for model, trained in shown.items():
        p, labels = trained.predictions.test_probabilities, trained.predictions.test_labels
        chance = calibration.by_chance(p)
        told = {m: each.text() for m, each in calibration.scores(p, labels, resamples).items()}
        parts = calibration.brier_decomposition(p, labels)
        told |= {f"{part} (of the Brier score)": f"{value:.3f}" for part, value in parts.items()}
        for name in told:
            of = name.removesuffix(" (of the Brier score)")
            if of in chance:
                told[name] += f"; by chance {chance[of].low:.3f} to {chance[of].high:.3f}"
        columns[architectures.get(model).sentence_title] = told
    return pd.DataFrame(columns)


def risk_coverage(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Error among the images answered, by share answered (`selective.risk_coverage`)."""
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    for model, curve in curves.items():
        points = 100 * curve.set_index("coverage")
        _band(axis, model, points["risk"], points.set_axis(100 * points.index))
    # Of the first few images an interval tells nothing, and would leave no room for the rest.
    highest = max(100 * c.loc[c["coverage"] >= 0.1, "high"].max() for c in curves.values())
    axis.set(xlim=(0, 100), ylim=(0, highest))
    axis.set_xlabel("images answered, most confident first (%)", fontsize=9)
    axis.set_ylabel("wrong among them (%)", fontsize=9)
    _finish(axis)
    return figure


def answering_verdict(model: str, curve: pd.DataFrame, area: Measure) -> str:
    """Whether a model errs less on the half that it is most confident of."""
    middle = int(np.ceil(len(curve) / 2)) - 1
    half, everything = (
        Measure(row["risk"], row["low"], row["high"], len(curve))
        for _, row in curve.iloc[[middle, -1]].iterrows()
    )
    verdict = "is not shown to know when it errs"
    if half.high < everything.low:
        verdict = "knows something of when it errs"
    return (
        f"{architectures.get(model).sentence_title} {verdict}: of the half that it is most "
        f"confident of {half.percent()} are wrong, of all {everything.percent()} (area under the "
        f"curve, AURC: {area.text()})."
    )


def sets_verdict(model: str, trained: Trained, classes: tuple[str, ...]) -> str:
    """Whether sets made on validation hold the label on test as often as promised."""
    of, (one, other) = trained.predictions, selective.halves(trained.predictions.val_labels)

    def made(calibrating: np.ndarray, p: np.ndarray, labels: np.ndarray) -> Sets:
        given = of.val_probabilities[calibrating], of.val_labels[calibrating]
        limit = selective.conformal_threshold(*given, MISS)
        return selective.prediction_sets(p, labels, limit, classes)

    on_half = made(one, of.val_probabilities[other], of.val_labels[other])
    on_test = made(np.arange(len(of.val_labels)), of.test_probabilities, of.test_labels)
    verdict = "keep the promise"
    if on_test.coverage.high < 1 - MISS:
        verdict = "break the promise"
    occurs = {name: each for name, each in on_test.by_class.items() if each.n}
    worst = min(occurs, key=lambda name: occurs[name].value)
    return (
        f"The sets of {architectures.get(model).title} {verdict} of {100 * (1 - MISS):.0f} % on "
        f"test: {on_test.coverage.percent()} hold the label, with {on_test.size.value:.1f} classes "
        f"on average, and for {class_title(worst)} {occurs[worst].percent()}; on validation images "
        f"kept aside {on_half.coverage.percent()}."
    )


def costliest_confusion(model: str, confusion: Confusion | None) -> str:
    """The confusion that loses most levels of urgency."""
    title = architectures.get(model).sentence_title
    if confusion is None:
        return f"{title} names no image at a lower level than it needs."
    told = _count(confusion.images, confusion.of)
    return (
        f"{title}: {class_title(confusion.true)} named {class_title(confusion.named)} costs most, "
        f"{told}, each {confusion.levels} level{'s' if confusion.levels > 1 else ''} of urgency "
        "too low."
    )


def error_titles(errors: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """What stands over each confident error: the class, the one named, its probability."""
    names = [words.shortened(name, 14) for name in classes]
    return [
        f"{names[error.true]}, named\n{names[error.predicted]}\n(p = {error.probability:.2f})"
        for error in errors.itertuples()
    ]


def confident_errors(model: str, predicted: Trained) -> str:
    """How often a model is wrong where it is surest, at a probability of 90 % and more."""
    table = metrics.surest_first(predicted.predictions)
    sure = table[table["probability"] >= 0.9]
    title = architectures.get(model).sentence_title
    if sure.empty:
        return f"{title} gives no test image a probability of 90 %."
    wrong = measures.share((sure["true"] != sure["predicted"]).to_numpy())
    return (
        f"Where {architectures.get(model).title} says 90 % or more, on {len(sure):,} of "
        f"{len(table):,} test images, {wrong.percent()} of the names are wrong."
    )


def _net_benefits(
    shown: Models, data_set: DataSet, resamples: np.ndarray
) -> dict[str, pd.DataFrame]:
    urgent, thresholds = triage.urgent(data_set), np.linspace(0.02, 0.8, 40)
    curves = {}
    for model, trained in shown.items():
        scores = trained.predictions.test_probabilities[:, urgent].sum(axis=1)
        positive = urgent[trained.predictions.test_labels]
        curves[model] = triage.net_benefit(scores, positive, thresholds, resamples)
    return curves


def _band(axis: plt.Axes, model: str, values: pd.Series, points: pd.DataFrame) -> None:
    """A model's line over the index of `points`, in the band from its `low` to its `high`."""
    entry = architectures.get(model)
    axis.fill_between(points.index, points["low"], points["high"], color=entry.colour, alpha=0.2)
    axis.plot(points.index, values, color=entry.colour, label=entry.sentence_title)


def _finish(axis: plt.Axes) -> None:
    axis.tick_params(labelsize=9)
    axis.legend(frameon=False, fontsize=9)


def _count(count: int, n: int) -> str:
    """A count of n images and its share: "74 of 125, 59 % [50, 67]"."""
    share = measures.proportion(count, n)
    if share.low is None:  # of no image
        return "none there"
    value, low, high = (f"{100 * end:.0f}" for end in share[:3])
    return f"{count} of {n}, {value} % [{low},{NO_BREAK_SPACE}{high}]"
