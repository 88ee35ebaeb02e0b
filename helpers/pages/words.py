"""Sentences and tables computed from a run, so that prose can't contradict its own figures."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import itables.options
import numpy as np
import pandas as pd
from itables.javascript import generate_init_offline_itables_html, to_html_datatable

from helpers import claims, data
from helpers.settings import changed

if TYPE_CHECKING:
    from helpers.artifacts import Trained
    from helpers.claims import Verdict
    from helpers.comparison import Comparison
    from helpers.data import Dataset
    from helpers.evaluation import Measure, Metrics
    from helpers.settings import Settings

LONG_NAMES = {
    "custom-cnn": "the custom CNN",
    "resnet50": "ResNet50",
    "resnet50-caffe": "ResNet50 with Keras's own preprocessing",
}

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD"}


def banner(settings: Settings, dataset_name: str) -> str:
    """What a page was made from, as HTML; an empty text for OCTMNIST with ImageNet weights."""
    warnings = []
    if settings.source == "phantom":
        warnings.append(
            "Made from a <b>phantom</b>: synthetic images, drawn by a program. These figures show "
            "that the book runs; they say nothing on patients, nor on OCTMNIST."
        )
    elif settings.source == "file":
        warnings.append(
            f"Made from <b>{escape(dataset_name)}</b>, a file of the user's own, and not from "
            "OCTMNIST itself."
        )
    if any(model != "custom-cnn" for model in settings.models):
        if settings.weights == "random":
            warnings.append(
                "ResNet50's base has <b>random weights</b>: its chapter shows the machinery, not "
                "what pretraining achieves."
            )
        elif settings.weights != "imagenet":
            warnings.append(
                "ResNet50's base has weights from a file, not Keras's ImageNet weights."
            )
        if settings.profile == "local":
            warnings.append(
                f"Differs from the report's protocol in two ways: grey is copied into three "
                f"channels, not mapped by a trained convolution, and augmentation draws "
                f"{settings.cached_views} fixed views of each image for ResNet50."
            )
    if not warnings:
        return ""
    paragraphs = "".join(f'<p style="color: inherit">{warning}</p>' for warning in warnings)
    # Its own colours, since a theme's box is unreadable among a dark page's outputs.
    return (
        '<div style="background: #FFF1E5; color: #222222; border-left: 4px solid #D55E00; '
        'padding: 0.6em 1em 0.1em 1em; margin-bottom: 1em"><p style="color: inherit">'
        f"<b>What this page was made from</b></p>{paragraphs}</div>"
    )


def origin_table(settings: Settings, origin: str, provenance: dict) -> pd.DataFrame:
    """Data, profile, changed settings, seeds, commit, packages and hardware behind a page."""
    own = {name: value for name, value in changed(settings).items() if name != "data_path"}
    if "weights" in own:
        own["weights"] = Path(own["weights"]).name  # no folder of the machine
    rows = {
        "data": origin,
        "profile": settings.profile,
        "changed": ", ".join(f"{name}={value}" for name, value in own.items()) or "nothing",
        "seeds": ", ".join(map(str, settings.seeds)),
        **{name: provenance[name] for name in ("date", "commit", "packages", "python", "hardware")},
    }
    return pd.DataFrame({"this page": rows}).rename_axis("made from")


def percent(measure: Measure) -> str:
    """A proportion in per cent with its interval where known: "83.5 % [79.5, 86.8]"."""
    text = f"{100 * measure['value']:.1f} %"
    if measure["low"] is not None:
        low, high = 100 * measure["low"], 100 * measure["high"]
        text += f" [{low:.1f},\N{NO-BREAK SPACE}{high:.1f}]"
    return text


def answer(metrics: Metrics, dataset_name: str) -> str:
    """This run's answer to the book's question, in a paragraph."""
    parts = [
        f"{LONG_NAMES[model]} names {percent(first_seed(by_seed)['accuracy'])} correctly"
        for model, by_seed in metrics.items()
    ]
    n = first_seed(next(iter(metrics.values())))["accuracy"]["n"]
    return (
        f"Of the {n:,} test images of {claims.in_prose(dataset_name)}, {listed(parts)} "
        "(95 % Wilson interval). "
        f"{claims.about(dataset_name)}"
    )


def protocol(settings: Settings, model: str) -> str:
    """How a model is trained, in two sentences (the report's section 2.3)."""
    rate = (
        settings.learning_rate_custom_cnn
        if model == "custom-cnn"
        else settings.learning_rate_resnet50
    )
    return (
        f"{OPTIMIZERS[settings.optimizer]} with a learning rate of {rate:g}, categorical "
        f"cross-entropy, batches of {settings.batch_size}, at most {settings.epochs} epochs. After "
        f"{settings.plateau_patience} epochs without a better validation loss the learning rate is "
        f"multiplied by {settings.plateau_factor:g}; after {settings.early_stopping_patience} "
        "training stops."
    )


def augmentation(settings: Settings) -> str:
    """What augmentation does to an image (the report's section 2.1)."""
    flip = ", flips left and right" if settings.horizontal_flip else ""
    return (
        f"Augmentation turns by up to {settings.rotation_degrees:g} degrees, shifts by up to "
        f"{100 * settings.shift:g} %{flip}, and zooms by up to {100 * settings.zoom:g} %."
    )


def stated_splits(data_set: str) -> str:
    """The report's split sizes beside MedMNIST's own, in a sentence."""
    if data_set != "octmnist":
        return f"The report is about OCTMNIST; this run's set is {data_set}."
    stated = claims.stated_splits()
    agree = stated == data.INFO[data_set]["n_samples"]
    sizes = listed([f"{n:,}" for n in stated.values()])
    return f"The report's split sizes ({sizes}) are {'exactly' if agree else 'not'} these."


def final_epoch(trained: Trained) -> str:
    """The last epoch's figures, which the report calls final, beside the epoch that is judged."""
    last, best = trained.history.iloc[-1], trained.history.loc[trained.best_epoch]
    return (
        f"After the last epoch ({len(trained.history)}) training accuracy was "
        f"{last['accuracy']:.3f} and validation accuracy {last['val_accuracy']:.3f}: the figures "
        f"that the report calls final. Judged from here on is epoch {trained.best_epoch}, the best "
        f"on validation, with {best['val_accuracy']:.3f}."
    )


def cost(trained: Trained) -> str:
    """How long a training took, on what, and how many weights it changed."""
    facts = trained.provenance
    return (
        f"Training took {facts['seconds']:.0f} s on {facts['hardware']}. The model has "
        f"{facts['parameters']['total']:,} weights, of which training changes "
        f"{facts['parameters']['trainable']:,}."
    )


def comparison(first: str, second: str, found: Comparison, n: int) -> str:
    """Two models on the same n images, with McNemar's exact test in words."""
    a, b = LONG_NAMES[first], LONG_NAMES[second]
    more = found.only_second - found.only_first
    points = (
        f"{100 * found.difference:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    )
    lead = f"{capital(b)} and {a} get the same number of the {n:,} test images right ({points})"
    if more:
        lead = (
            f"{capital(b)} gets {abs(more)} {'more' if more > 0 else 'fewer'} of the {n:,} test "
            f"images right than {a} ({points})"
        )
    verdict = "a difference is shown" if found.p_value < 0.05 else "no difference can be shown"
    return (
        f"{lead}: {found.only_second} only {b} gets right, {found.only_first} only {a}. By "
        f"McNemar's exact test at 5 % {verdict} (p = {found.p_value:.2g})."
    )


def trade_off(first: Trained, second: Trained) -> str:
    """What the second model costs beside the first: weights and training time."""
    weights = [t.provenance["parameters"]["total"] for t in (first, second)]
    seconds = [t.provenance["seconds"] for t in (first, second)]
    return (
        f"{capital(LONG_NAMES[second.model])} has {weights[1] / weights[0]:.1f} times the weights "
        f"of {LONG_NAMES[first.model]} ({weights[1]:,} against {weights[0]:,}), and took "
        f"{seconds[1] / seconds[0]:.1f} times as long to train ({seconds[1]:.0f} s against "
        f"{seconds[0]:.0f} s)."
    )


def overfitting(trained: Trained, test_accuracy: Measure) -> str:
    """Accuracy on the three splits at the epoch that is judged."""
    epoch = trained.history.loc[trained.best_epoch]
    return (
        f"{capital(LONG_NAMES[trained.model])}: {100 * epoch['accuracy']:.1f} % on training images "
        f"(augmented, dropout on), {100 * epoch['val_accuracy']:.1f} % on validation, "
        f"{percent(test_accuracy)} on test."
    )


def hardest_class(trained: Trained, confusion: np.ndarray, classes: tuple[str, ...]) -> str:
    """The class with the lowest recall and what it is most often taken for."""
    recalls = confusion.diagonal() / confusion.sum(axis=1)
    worst = int(recalls.argmin())
    mistakes = confusion[worst] * (np.arange(len(classes)) != worst)
    text = (
        f"{capital(LONG_NAMES[trained.model])} finds {class_name(classes[worst])} least often: "
        f"{confusion[worst, worst]} of {confusion[worst].sum()}"
    )
    if mistakes.any():
        taken = int(mistakes.argmax())
        text += f"; {mistakes[taken]} are taken for {class_name(classes[taken])}"
    return f"{text}."


def imbalance(dataset: Dataset) -> str:
    """How unequal the classes are, split by split."""
    parts = [
        f"{data.imbalance(split.labels):.1f} in {name}" for name, split in dataset.splits.items()
    ]
    return f"The largest class has so many times the images of the smallest: {listed(parts)}."


def countermeasures(settings: Settings, dataset: Dataset) -> str:
    """Whether training augments and how it weights the classes."""
    ratio = data.imbalance(dataset.train.labels)
    augmented = data.is_augmented(settings, dataset)
    text = (
        f"The ratio in training is {ratio:.1f}, the threshold {settings.imbalance_ratio:g}; "
        f"augmentation is {'on' if augmented else 'off'} (setting: {settings.augmentation})."
    )
    if settings.class_weights == "none":
        return f"{text} Classes are not weighted."
    weights = [
        f"{weight:.2f} for {class_name(name)}"
        for name, weight in zip(
            dataset.classes, data.class_weights(dataset.train.labels), strict=True
        )
    ]
    return f"{text} The weights of an image in the loss are {listed(weights)}."


def duplicates(table: pd.DataFrame, dataset: Dataset) -> str:
    """How many test images have a copy in training, exact or near."""
    exact, near = (table.loc[(kind, "test"), "copy in train"] for kind in ("exact", "near"))
    within = table.loc[("exact", "test"), "copy in test"]
    return (
        f"Of {len(dataset.test):,} test images {exact} are exactly, and {near} nearly, in training "
        f"as well; {within} have an exact copy within the test split."
    )


def stated_weights(model: str, total: int) -> str:
    """The number of weights that the report states beside the one counted."""
    stated = int(claims.stated(f"{model}-parameters"))
    return (
        f"The report states {stated:,}. The layers that it lists have {total:,}: "
        f"{'the same' if stated == total else f'a difference of {stated - total:+,}'}."
    )


def class_maps(model: str, averages: np.ndarray, classes: tuple[str, ...]) -> str:
    """How alike the classes' mean maps (classes, h, w) are: the highest and lowest correlation."""
    if (np.ptp(averages, axis=(1, 2)) == 0).any():
        return f"{capital(LONG_NAMES[model])}: some mean maps are constant and can't be compared."
    correlation = np.corrcoef(averages.reshape(len(averages), -1))
    rows, columns = np.triu_indices(len(averages), 1)
    values = correlation[rows, columns]
    most, least = values.argmax(), values.argmin()
    names = [class_name(name) for name in classes]
    pairs = [
        f"{names[rows[k]]} and {names[columns[k]]} (r = {values[k]:.2f})" for k in (most, least)
    ]
    return (
        f"{capital(LONG_NAMES[model])}: the mean maps most alike are those of {pairs[0]}, the "
        f"least alike those of {pairs[1]}. A map that explains one class differs from "
        "another's."
    )


def ledger_counts(verdicts: list[Verdict]) -> str:
    """How many statements the ledger holds, and how many have which verdict."""
    consistent = Counter(verdict.consistent for verdict in verdicts)
    reproduced = Counter(verdict.reproduced for verdict in verdicts)
    return (
        f"The ledger holds {len(verdicts)} statements of the report. Arithmetic alone can check "
        f"{consistent['yes'] + consistent['no']} of them: {consistent['yes']} agree with the "
        f"report's other figures, {consistent['no']} do not. Against this run {reproduced['yes']} "
        f"are reproduced, {reproduced['no']} are not, and {reproduced['not testable']} can't be "
        "tested."
    )


def filterable(table: pd.DataFrame, by: tuple[str, ...]) -> str:
    """A table as HTML that a reader can search, sort and filter by some of its columns.

    The program that does so (DataTables, by itables) is part of the text, about a megabyte, so that
    the page needs no network. The column `why` gets room for sentences.
    """
    columns = [table.columns.get_loc(name) for name in by]
    shown = to_html_datatable(
        table,
        connected=False,
        table_id="claims-ledger",
        classes="display compact",
        style="width:100%",
        showIndex=False,
        maxBytes=0,
        pageLength=10,
        layout={"top1": "searchPanes"},
        searchPanes={"layout": "columns-3", "columns": columns, "initCollapsed": True},
        columnDefs=[
            {"targets": columns, "searchPanes": {"show": True}},
            {"targets": [table.columns.get_loc("why")], "width": "24em"},
            {"targets": "_all", "className": "dt-left"},
        ],
        scrollX=True,
        autoWidth=False,
    )
    return generate_init_offline_itables_html(itables.options.dt_bundle) + shown


def impossible_recalls(verdicts: list[Verdict]) -> str:
    """Which of the report's recalls are no share of a class's images, and what that means."""
    asked = [
        verdict
        for verdict in verdicts
        if verdict.claim.measured and "recall/" in verdict.claim.measured
    ]
    broken = [verdict.claim.stated for verdict in asked if verdict.consistent == "no"]
    return (
        f"Of the {len(asked)} recalls of single classes {len(broken)} can't come from this test "
        f"split, whatever the model ({listed(broken)}): a recall is a whole number of a class's "
        "images, so its steps are coarser than the digits printed."
    )


def ledger_on_this_run(verdicts: list[Verdict], dataset_name: str) -> str:
    """What this run can say of the statements that need OCTMNIST itself, and of the others."""
    on_data = [verdict for verdict in verdicts if verdict.claim.needs == "data"]
    others = [verdict for verdict in verdicts if verdict.claim.needs != "data"]
    tested = sum(verdict.reproduced != "not testable" for verdict in others)
    rest = f"Of the other {len(others)}, which need no data, this run tests {tested}."
    if dataset_name != "OCTMNIST":
        return (
            f"{len(on_data)} statements are about OCTMNIST. None of them is tested here, for this "
            f"run used {claims.in_prose(dataset_name)}; `make book PROFILE=paper` would test those "
            f"that have a figure in a run. {rest}"
        )
    found = Counter(verdict.reproduced for verdict in on_data)
    return (
        f"{len(on_data)} statements are about OCTMNIST: {found['yes']} lie inside this run's "
        f"intervals, {found['no']} outside, and {found['not testable']} have no figure here that "
        f"could tell. {rest}"
    )


def first_seed(by_seed: dict[str, dict[str, Measure]]) -> dict[str, Measure]:
    """The measures of the first seed, the one that pages show."""
    return next(iter(by_seed.values()))


def class_name(short: str) -> str:
    """A class as prose writes it: CNV and DME in capitals."""
    return short.upper() if short in ("cnv", "dme") else short


def capital(text: str) -> str:
    """The text with a capital first letter and the others as they were."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str]) -> str:
    """Parts joined by commas, the last by "and"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
