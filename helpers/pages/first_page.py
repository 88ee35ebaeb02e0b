"""The first page: what it says of its run, and the figure that the discussion begins with too."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.evaluation.metrics import Metrics, from_json
from helpers.ledger import claims, evidence
from helpers.pages import opening, style, words
from helpers.study import architectures, data_sets
from helpers.study.data_sets import DataSet
from helpers.study.runs import Run, read_json
from helpers.study.settings import PROTOCOL, restored


@dataclass(frozen=True)
class Described:
    """A run's images as its `run.json` describes them, which needs none of their files."""

    name: str
    data_set: DataSet
    origin: str
    is_phantom: bool
    is_official: bool

    is_audited = Dataset.is_audited
    in_prose = Dataset.in_prose


def write(folder: Path, run: Run) -> None:
    """Write what `index.md` includes of a run: its box, its answer, its figure and its origin."""
    told = read_json(run.description)
    settings = restored(told["settings"])
    images = Described(
        told["data"],
        data_sets.get(told["data_set"]),
        told["data_origin"],
        told["is_phantom"],
        told["is_official"],
    )
    metrics = from_json(read_json(run.metrics))
    first = run.training(settings.models[0], settings.first_seed)
    origin = opening.origin_table(
        settings, images.origin, read_json(first / "provenance.json")
    ).rename_axis(None)
    style.use()
    figure = accuracy_overview(metrics, images)
    figure.savefig(folder / "this-run.png", dpi=160)
    plt.close(figure)
    texts = {
        "banner": opening.banner(settings, images),
        "answer": answer(metrics, images),
        "origin": origin.to_html(header=False, border=0),
    }
    for name, text in texts.items():
        (folder / f"this-run-{name}.txt").write_text(text + "\n", encoding="utf-8")


def answer(metrics: Metrics, dataset: Dataset | Described) -> str:
    """This run's answer to the book's question, in a paragraph."""
    accuracies = {
        model: words.first_seed(by_seed)["accuracy"] for model, by_seed in metrics.items()
    }
    parts = [
        f"{architectures.get(model).title} names {accuracy.percent()} correctly"
        for model, accuracy in accuracies.items()
    ]
    n = words.first_seed(accuracies).n
    return (
        f"Of the {n:,} test images of {dataset.in_prose}, {words.listed(parts)} (95 % Wilson "
        f"interval). {about(dataset)}"
    )


def about(dataset: Dataset | Described) -> str:
    """Why the report's claims on accuracy can or can't be judged on a data set; a sentence."""
    elsewhere = evidence.other_images(dataset)
    if elsewhere is None:
        return "The report's claims on accuracy can be judged on these data."
    return (
        "The report's claims on accuracy are not testable here: they are about "
        f"{data_sets.audited().title}, and {elsewhere}. `make book PROFILE={PROTOCOL}` would test "
        "them."
    )


def accuracy_overview(metrics: Metrics, dataset: Dataset | Described) -> Figure:
    """Measured accuracy with its interval, what the report states, and what others published.

    A row a model of this run, and below a row a published figure with its source: one axis. The
    report and others are left out where they are about other images.
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
    limits = {"xlim": (0, 101), "ylim": (len(rows) - 0.4, -0.6)}
    axis.set(**limits, yticks=range(len(rows)), yticklabels=rows, xlabel="test accuracy (%)")
    axis.tick_params(labelsize=8)
    axis.xaxis.label.set_size(9)
    handles = _legend(dataset)
    figure.legend(handles=handles, loc="outside lower center", frameon=False, fontsize=8)
    return figure


def overview_in_words(data_set: DataSet) -> str:
    """Says that the overview lacks the report and others, where they are about other images."""
    title = data_sets.audited().title
    return words.aside(data_set, f"The report's figures and the published ones are about {title}")


def _legend(dataset: Dataset | Described) -> list[plt.Line2D]:
    title = dataset.data_set.title
    marks = [("o", "#555555", f"this run, on {dataset.in_prose}, 95 %")]
    if dataset.data_set.audited:
        marks.append(("D", "black", f"the report, on {title}"))
    if dataset.data_set.published:
        text = f"published, on {title} at 28 px; bar: standard deviation"
        marks.append(("s", style.GREY, text))
    return [
        plt.Line2D([], [], color=colour, marker=mark, ls="", label=label)
        for mark, colour, label in marks
    ]
