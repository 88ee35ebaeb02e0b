"""The first page: what it says of its run, and the figure that the discussion begins with too."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.evaluation.metrics import Metrics, from_json
from helpers.ledger import claims, evidence
from helpers.pages import model_card, origin, style, words
from helpers.pages.study import described
from helpers.study import architectures, data_sets
from helpers.study.runs import Run, read_json
from helpers.study.settings import PROTOCOL


def write(folder: Path, run: Run) -> None:
    """Write what `index.md` includes of a run: its box, its answer, its figure and its origin."""
    study = described(run)
    settings, images = study.settings, study.dataset
    metrics = from_json(read_json(run.metrics))
    made = read_json(run.training(settings.models[0], settings.first_seed) / "provenance.json")
    table = origin.table(settings, images, study.facts["data_origin"], made)
    style.use()
    figure = accuracy_overview(metrics, images)
    figure.savefig(folder / "this-run.png", dpi=160)
    plt.close(figure)
    texts = {
        "banner": origin.banner(settings, images),
        "answer": answer(metrics, images),
        "model-card": model_card.tables(study),
        "origin": table.rename_axis(None).to_html(header=False, border=0),
    }
    for name, text in texts.items():
        (folder / f"this-run-{name}.txt").write_text(text + "\n", encoding="utf-8")


def answer(metrics: Metrics, dataset: Dataset) -> str:
    """This run's answer to the book's question, in a paragraph."""
    parts = []
    for model, by_seed in metrics.items():
        accuracy = words.first_seed(by_seed)["accuracy"]
        parts.append(f"{architectures.get(model).title} names {accuracy.percent()} correctly")
    return (
        f"Of the {accuracy.n:,} test images of {dataset.in_prose}, {words.listed(parts)} (95 % "
        f"Wilson interval). {about(dataset)}"
    )


def about(dataset: Dataset) -> str:
    """Why the report's claims on accuracy can or can't be judged on a data set; a sentence."""
    elsewhere = evidence.other_images(dataset)
    if elsewhere is None:
        return "The report's claims on accuracy can be judged on these data."
    return (
        "The report's claims on accuracy are not testable here: they are about "
        f"{data_sets.audited().title}, and {elsewhere}. `make book PROFILE={PROTOCOL}` would test "
        "them."
    )


def accuracy_overview(metrics: Metrics, dataset: Dataset) -> Figure:
    """Measured accuracy with its interval, what the report states, and what others published.

    The report and others are left out where they are about other images.
    """
    audited, published = dataset.data_set.audited, dataset.data_set.published
    rows = [*metrics, *(f"{other.model} ({other.source})" for other in published)]
    figure, axis = plt.subplots(figsize=(5.6, 0.2 * len(rows) + 1.4))
    for row, (model, by_seed) in enumerate(metrics.items()):
        entry = architectures.get(model)
        for measured in by_seed.values():
            axis.plot(100 * measured["accuracy"].value, row, "|", color=entry.colour, ms=14)
        value, low, high = (100 * each for each in words.first_seed(by_seed)["accuracy"][:3])
        reach = [[value - low], [high - value]]
        axis.errorbar(value, row, xerr=reach, fmt="o", color=entry.colour, capsize=4)
        if audited and entry.reported:
            axis.plot(100 * claims.stated(f"{model}-accuracy"), row, "D", color="black")
    for row, other in enumerate(published, start=len(metrics)):
        reach = other.deviation and 100 * other.deviation
        axis.errorbar(100 * other.accuracy, row, xerr=reach, fmt="s", color=style.GREY, ms=4)
    if published:
        axis.axhline(len(metrics) - 0.5, color=style.GREY, lw=0.6, ls=":")
    axis.grid(axis="x", color="#EEEEEE")
    axis.set_axisbelow(True)
    axis.set(xlim=(0, 101), ylim=(len(rows) - 0.4, -0.6))
    axis.set(yticks=range(len(rows)), yticklabels=rows)
    axis.set_xlabel("test accuracy (%)", fontsize=9)
    axis.tick_params(labelsize=8)
    title = dataset.data_set.title
    marks = [style.mark(f"this run, on {dataset.in_prose}, 95 %", "o", "#555555")]
    if audited:
        marks.append(style.mark(f"the report, on {title}", "D", "black"))
    if published:
        text = f"published, on {title} at 28 px; bar: standard deviation"
        marks.append(style.mark(text, "s", style.GREY))
    figure.legend(handles=marks, loc="outside lower center", frameon=False, fontsize=8)
    return figure
