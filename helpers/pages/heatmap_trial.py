"""Chapter 10, heatmaps on trial: its figures, verdicts and answers."""

from collections import Counter
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.heatmaps import controls, rows, similarity
from helpers.heatmaps.artifacts import Shown
from helpers.heatmaps.controls import GRAD_CAM, METHODS
from helpers.heatmaps.judgement import FAIL, PASS, UNDECIDED
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.rows import BASELINED, CHECKS, NO_MODEL, Row
from helpers.ledger import claims, evidence
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures

BAR, CEILING = "#009E73", "#CCAA00"  # what has to be cleared; what the truth would have
MOST_COLUMNS = 6  # of maps side by side
SETTLED = 0.9  # rank correlation from which on a map no longer hangs on its budget: ours
# By verdict: a colour and a shape, so that either tells it.
MARKS = {PASS: ("#0072B2", "o"), UNDECIDED: (style.GREY, "D"), FAIL: ("#D55E00", "X")}
VERBS = {PASS: ("passes", "pass"), UNDECIDED: ("is", "are"), FAIL: ("fails", "fail")}
# How methods are set beside maps that know no model, by check.
COMPARED = {
    "finds the lesion": "at finding the phantom's lesions",
    "deletion": "by deletion",
    "insertion": "by insertion",
}
# What each check's values are, as its axis says.
AXES = {
    "finds the lesion": "share of the heat inside the lesion",
    "deletion": "gain over a random order",
    "insertion": "gain over a random order",
    "needs the weights": "likeness to maps of random weights",
    "bears noise": "likeness to maps under noise",
    "turns with the image": "likeness to maps of the mirror image",
}


def findings(study: Study) -> list[str]:
    """What the trial of a study found, in plain sentences; none where nothing was tried."""
    trial, told = rows.load(study.run), []
    for model in _judged(trial):
        title = architectures.get(model).sentence_title
        counts = {check: _by_verdict(trial, model, check) for check in CHECKS}
        parts = [
            f"{words.number(len(counts[check][PASS]))} of {words.number(n)} {how}"
            for check, how in COMPARED.items()
            if (n := sum(map(len, counts[check].values())))
        ]
        if parts:
            told.append(
                f"{title}: of the methods tried, {words.listed(parts)} are shown to do better than "
                "chance and than every map that knows no model."
            )
        told.append(_grad_cam(trial, model))
    return told


def _grad_cam(trial: Sequence[Row], model: str) -> str:
    row = rows.find(trial, model, GRAD_CAM, MASS_INSIDE.name)
    if not (row and row.measure):
        return ""
    verb = {PASS: "passes", FAIL: "fails", UNDECIDED: "is undecided"}[row.verdict or UNDECIDED]
    return (
        f"Its Grad-CAM {verb}: {row.measure.percent()} of the heat lies inside the lesion, of the "
        f"{row.best_map} of the same {row.measure.n} images {100 * row.best:.1f} %."
    )


def on_trial(study: Study) -> str:
    """How many images of which models are on trial with how many calls, and which models not."""
    settings, told = study.settings, []
    calls = settings.heatmaps.evaluations
    for model in controls.models_on_trial(settings):
        own = Counter(controls.images_on_trial(settings, model).values())
        counts = words.listed([str(n) for n in sorted(own, reverse=True) if n])
        told.append(f"{architectures.get(model).title} ({counts} images, by the method's cost)")
    text = (
        f"On trial are the maps of {words.listed(told)}." if told else "Nothing is on trial here."
    )
    for entry in map(architectures.get, settings.models):
        if entry.variant_of:
            text += f" {entry.sentence_title}, the same network on other input, is left out."
        elif entry.name in controls.models_untried(settings):
            text += f" {entry.sentence_title} is not on trial here: {controls.RANDOM_BASE}."
    if told:
        text += (
            " SmoothGrad, integrated gradients, Score-CAM and occlusion may call a model some "
            f"{calls} times an image, "
            + words.listed([f"{m} {f * calls:,} times" for m, f in controls.SAMPLING.items()])
            + "."
        )
    return text


def whose_models(dataset: Dataset) -> str:
    """Says whose maps the lesions are looked for in, and why nowhere where there is no truth."""
    if why := controls.why_no_truth(dataset):
        return f"Whether they find the lesion isn't tried here: {why}."
    if dataset.is_phantom:
        return "All six panels are about this run's own models, trained on the phantom."
    return (
        "The first panel is about networks of the same architecture trained on the phantom, whose "
        f"lesions are known; the other five about this run's own models, trained on "
        f"{dataset.in_prose}."
    )


def dot_plot(trial: Sequence[Row], model: str) -> Figure:
    """Every method by every check: value, interval and verdict, and what it has to clear."""
    known = _baselines(trial, model)
    lines = [[*METHODS, *known]] * 2 + [list(METHODS)]
    heights = [len(labels) for labels in lines]
    size = (6.4, 0.19 * sum(heights) + 2.9)
    figure, axes = plt.subplots(3, 2, figsize=size, sharey="row", height_ratios=heights)
    for axis, check, place in zip(axes.flat, CHECKS, (0, 0, 1, 1, 2, 2), strict=True):
        _panel(axis, check, rows.of_check(trial, model, check), known, lines[place])
    for axis, labels in zip(axes[:, 0], lines, strict=True):
        axis.set_yticks(range(len(labels)), labels, fontsize=9)
        axis.invert_yaxis()
    entries = [style.mark(word, mark, colour) for word, (colour, mark) in MARKS.items()]
    entries += [
        style.mark("knows no model", "s", style.FAINT),
        style.mark("chance", "|", "black", markersize=11),
        style.mark("best that knows no model, or half-way to the same", "|", BAR, markersize=11),
        style.mark("the true mask on the map's grid", "^", CEILING),
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    figure.suptitle(architectures.get(model).sentence_title, fontsize=11)
    return figure


def _panel(
    axis: plt.Axes,
    check: str,
    of_methods: dict[str, Row],
    known: dict[str, dict[str, Row]],
    labels: Sequence[str],
) -> None:
    counts = Counter(row.measure.n for row in of_methods.values() if row.measure)
    told = "" if not counts else f" (n = {', '.join(map(str, sorted(counts, reverse=True)))})"
    axis.set_title(f"{check}{told}", fontsize=9, loc="left")
    axis.set_xlabel(AXES[check], fontsize=9)
    axis.tick_params(labelsize=9)
    axis.grid(axis="y", color="#EEEEEE")
    axis.set_axisbelow(True)
    for place, label in enumerate(labels):
        row = of_methods.get(label) or known.get(label, {}).get(check)
        if row is None or row.measure is None:
            if label in METHODS:
                look = {"color": style.GREY, "transform": axis.get_yaxis_transform()}
                axis.text(0.03, place, "not tried", fontsize=9, va="center", **look)
            continue
        colour, mark = MARKS[row.verdict] if row.verdict else (style.FAINT, "s")
        value, low, high, _ = row.measure
        if low is not None:
            axis.plot([low, high], [place, place], color=colour, lw=1.2)
        axis.plot(value, place, mark, color=colour, ms=5)
        to_clear = row.best
        if check not in BASELINED and row.chance is not None:
            to_clear = similarity.half_way(row.chance)
        ticks = ((row.chance, "black"), (to_clear if label in METHODS else None, BAR))
        for at, tick_colour in ticks:
            if at is not None:
                axis.plot(at, place, "|", color=tick_colour, ms=9)
        if row.ceiling is not None:
            axis.plot(row.ceiling, place, "^", color=CEILING, ms=4)


def _baselines(trial: Sequence[Row], model: str) -> dict[str, dict[str, Row]]:
    """By map that knows no model, and by check, its row on the images of that model."""
    found: dict[str, dict[str, Row]] = {}
    for check in BASELINED:
        of = NO_MODEL if check == "finds the lesion" else model
        for row in trial:
            is_of_check = (row.criterion, row.control) == CHECKS[check] and not row.class_name
            is_other = row.method in METHODS or row.method.startswith(rows.TRUE_MASK)
            if row.model == of and is_of_check and not is_other:
                found.setdefault(row.method, {})[check] = row
    return found


def verdict(trial: Sequence[Row], model: str, check: str) -> str:
    """Which methods of a model pass a check, which fail, and of which that isn't decided."""
    by_verdict = _by_verdict(trial, model, check)
    parts = []
    for word, names in by_verdict.items():
        if names:
            verb = VERBS[word][len(names) > 1] + (" undecided" if word == UNDECIDED else "")
            parts.append(f"{words.listed(names)} {verb}")
    title = architectures.get(model).sentence_title
    return f"{title}, {check}: {'; '.join(parts)}." if parts else ""


def verdicts(trial: Sequence[Row], check: str) -> list[str]:
    """`verdict` of every model on trial."""
    return [verdict(trial, model, check) for model in _judged(trial)]


def ceilings(trial: Sequence[Row]) -> str:
    """What the true masks themselves score on the grids of the maps."""
    told = [
        f"{row.method.removeprefix(rows.TRUE_MASK)} {row.measure.value:.3f}"
        for row in trial
        if row.model == NO_MODEL
        and row.method.startswith(rows.TRUE_MASK)
        and row.criterion == MASS_INSIDE.name
    ]
    lead = "The share of heat inside the lesion that the true mask itself would have"
    text = f"{lead}: {'; '.join(told)}."
    return text if told else ""


def settled(trial: Sequence[Row]) -> list[str]:
    """How far the maps of LIME and SHAP depend on their budget."""
    told = []
    for row in trial:
        if row.control in (rows.ANOTHER_DRAW, rows.HALF_THE_CALLS) and row.measure:
            is_settled = row.measure.value > SETTLED
            told.append(
                f"{row.method} of {architectures.get(row.model).title}, against {row.control}: "
                f"rank correlation {row.measure.text()} (n = {row.measure.n}); "
                f"{'settled' if is_settled else 'not settled'} at {SETTLED}."
            )
    return told


def noise(trial: Sequence[Row]) -> list[str]:
    """By how much the little noise lowers the probability of the class that was named."""
    return [
        f"{architectures.get(row.model).sentence_title}: under the noise the probability of the "
        f"class it named falls by {row.measure.points()} points on average (n = {row.measure.n})."
        for row in trial
        if row.criterion == rows.PROBABILITY and row.measure
    ]


def steadiness(trial: Sequence[Row]) -> list[str]:
    """How alike Grad-CAM's maps are to those of another seed and of the other model."""
    told = []
    for row in trial:
        control = row.control or ""
        is_asked = row.method == GRAD_CAM and row.criterion == similarity.RANK_CORRELATION.name
        if is_asked and row.measure and control.startswith((rows.OTHER_SEED, rows.OTHER_MODEL)):
            title = architectures.get(row.model).title
            told.append(
                f"Grad-CAM of {title} and of the {control}: {row.measure.text()} (chance "
                f"{row.chance:.3f}, n = {row.measure.n})."
            )
    return told


def shuffled(trial: Sequence[Row]) -> list[str]:
    """What Grad-CAM of a model trained on shuffled labels finds."""
    told = []
    for model in _judged(trial):
        row = rows.find(trial, model, GRAD_CAM, MASS_INSIDE.name, control=rows.SHUFFLED)
        if row and row.measure:
            title = architectures.get(model).title
            told.append(
                f"Grad-CAM of {title} trained on shuffled labels: {row.measure.text()} of the heat "
                f"inside the lesion, {row.chance:.3f} by chance (n = {row.measure.n})."
            )
    return told


def all_methods(shown: Mapping[str, Shown], dataset: Dataset) -> Figure:
    """A row a method, a column an image of a model: its map in cells, lesions outlined if known."""
    names = ["image", *dict.fromkeys(name for each in shown.values() for name in each.maps)]
    most = MOST_COLUMNS // len(shown)
    side = 1.15 if len(shown) == 1 else 0.8
    columns = [(each, place) for each in shown.values() for place in range(len(each.images))[:most]]
    size = side * len(columns) + 1.8, side * len(names) + 0.8
    figure, axes = plt.subplots(len(names), len(columns), figsize=size, squeeze=False)
    for column, (each, place) in zip(axes.T, columns, strict=True):
        _column(column, names, each, place, dataset)
    for axis, name in zip(axes[:, 0], names, strict=True):
        axis.set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    for model, each in shown.items():
        first = next(i for i, (of, _) in enumerate(columns) if of is each)
        title = architectures.get(model).sentence_title
        axes[0, first].annotate(title, (0, 1.7), xycoords="axes fraction", fontsize=10)
    style.heat_bar(figure)
    return figure


def _column(
    axes: np.ndarray, names: Sequence[str], shown: Shown, place: int, dataset: Dataset
) -> None:
    image = shown.images[place]
    title = words.shortened(dataset.classes[shown.classes[place]], 10)
    axes[0].set_title(f"named\n{title}", fontsize=9)
    style.show_image(axes[0], dataset.test.images[image])
    for axis, name in zip(axes[1:], names[1:], strict=True):
        style.bare(axis)
        if name not in shown.maps:
            axis.text(0.5, 0.5, "not tried", fontsize=9, ha="center", transform=axis.transAxes)
            continue
        heat = shown.maps[name][place]
        axis.imshow(heat, **style.as_cells(dataset.size))
        if not np.ptp(heat):
            axis.set_xlabel("constant", fontsize=9)
    if dataset.is_phantom:
        for axis in axes:
            style.outline(axis, dataset.lesion_masks["test"][image])


def answers(trial: Sequence[Row], dataset: Dataset) -> str:
    """The report's sentences on heatmaps, an item each with what was measured."""
    told = []
    for claim in claims.ledger() if dataset.data_set.audited else ():
        asked = claim.heatmap
        answer = asked and evidence.on_heatmaps(trial, asked.models, asked.criteria)
        if answer:
            told.append(f'- {claim.section}, "{claim.claim}": {answer}.')
    return "\n".join(told) or "Nothing on trial here answers them."


def _judged(trial: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.model for row in trial if row.verdict))


def _by_verdict(trial: Sequence[Row], model: str, check: str) -> dict[str, list[str]]:
    tried = {m: row for m, row in rows.of_check(trial, model, check).items() if row.measure}
    return {word: [m for m, row in tried.items() if row.verdict == word] for word in MARKS}
