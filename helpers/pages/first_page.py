"""The first page: what arithmetic shows, what real scans give, what its own run gives."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.evaluation import metrics
from helpers.evaluation.measures import Measure
from helpers.ledger import claims, evidence, verdicts
from helpers.ledger.verdicts import Verdict
from helpers.pages import ledger, model_card, origin, style, words
from helpers.pages.study import Recorded, Study, described
from helpers.study import architectures, data_sets
from helpers.study.data_sets import Published
from helpers.study.runs import Run, read_json
from helpers.study.settings import PROTOCOL

CARD_DPI = 230


def write(folder: Path, run: Run) -> None:
    """Write what `index.md` includes of a run: sentences, figures, its box and its origin."""
    study = described(run)
    first = run.training(study.settings.models[0], study.settings.first_seed)
    made = read_json(first / "provenance.json")
    table = origin.table(study.settings, study.dataset, study.facts["data_origin"], made)
    style.use()
    figures = {
        "possible-recalls": ledger.possible_recalls(),
        "accuracy": accuracy_overview(study),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    judged = verdicts.load_or_judge(*study.given)
    card = link_card(judged)
    (folder / "_static").mkdir(exist_ok=True)
    card.savefig(folder / "_static" / "card.png", dpi=CARD_DPI, bbox_inches=None)
    plt.close(card)
    texts = {
        "arithmetic": f"**By its own figures.** {ledger.arithmetic(judged)}",
        "recorded": recorded(study.record) if study.dataset.is_phantom else "",
        "answer": answer(study),
        "model-card": model_card.tables(study),
        "published": published(study.dataset.data_set.published),
        "banner": origin.banner(study.settings, study.dataset, study.beside),
        "origin": table.rename_axis(None).to_html(header=False, border=0),
    }
    for name, text in texts.items():
        (folder / f"this-run-{name}.txt").write_text(text + "\n", encoding="utf-8")


def recorded(record: Recorded | None) -> str:
    """What the recorded run on real scans gave, in a paragraph, or that there is none."""
    if record is None:
        return "**On real scans.** No run is recorded; `make record` keeps one."
    return (
        f"**On real scans.** {accuracies(record)}. {record.title}. "
        f"{origin.about_bases(record.settings)}"
    ).rstrip()


def answer(study: Study) -> str:
    """What this run gave, in a paragraph: an answer to the book's question on real images alone."""
    lead = f"**This run, on {study.dataset.in_prose}.**"
    if study.dataset.is_phantom:
        return (
            f"{lead} {accuracies(study)}. These images are drawn by a program: they show that "
            "the book runs, and say nothing of eyes."
        )
    return f"{lead} {accuracies(study)}. {about(study.dataset)}"


def link_card(judged: Sequence[Verdict]) -> Figure:
    """The picture of 1200 x 630 pixels that others show beside a link to the site."""
    asked, impossible = verdicts.recalls_of_classes(judged)
    card = ledger.possible_recalls()
    card.set_size_inches(1200 / CARD_DPI, 630 / CARD_DPI)
    counted = f"{words.number(len(impossible)).capitalize()} of {words.number(len(asked))}"
    (axis,) = card.axes
    axis.set_title(f"{counted} recalls that a report states can't occur", size="medium")
    return card


def accuracies(study: Study) -> str:
    """How many test images each model names rightly, in a sentence without its full stop."""
    headline = metrics.headline(*study.given)
    parts = [
        f"{architectures.get(model).title} names {of_model['accuracy'].percent()}"
        for model, of_model in headline.items()
    ]
    count = len(study.settings.seeds)
    seeds = f"mean of {words.number(count)} seeds" if count > 1 else "one seed"
    n = next(iter(headline.values()))["accuracy"].n
    return f"Of {n:,} test images {words.listed(parts)} right ({seeds}, 95 % interval)"


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


def published(others: tuple[Published, ...]) -> str:
    """Where others' results on the same images lie, in a sentence; nothing of other sets."""
    told = []
    for how, is_frozen in (("trained throughout", False), ("on frozen features", True)):
        of_kind = [100 * other.accuracy for other in others if other.is_frozen == is_frozen]
        if of_kind:
            told.append(f"between {min(of_kind):.0f} and {max(of_kind):.0f} % {how}")
    return f"Others' results at 28 px lie {words.listed(told)}." if told else ""


def accuracy_overview(study: Study) -> Figure:
    """Measured accuracies with their intervals, what the report states, and what others published.

    Of real images alone: this run's, or those of the record that stands beside a phantom's.
    """
    real = study.record if study.dataset.is_phantom else study
    rows = [*_measured_rows(real), *_stated_rows(study), *_published_rows(study)]
    figure, axis = plt.subplots(figsize=(5.2, 0.24 * len(rows) + 0.9))
    for place, (_, mark, colour, value, reach, seeds) in enumerate(rows):
        axis.plot(seeds, [place] * len(seeds), "|", color=colour, ms=9)
        axis.errorbar(value, place, xerr=reach, fmt=mark, color=colour, capsize=3, ms=5)
    axis.grid(axis="x", color="#EEEEEE")
    axis.set_axisbelow(True)
    axis.set(xlim=(0, 101), ylim=(len(rows) - 0.4, -0.6), xlabel="test accuracy (%)")
    axis.set(yticks=range(len(rows)), yticklabels=[name for name, *_ in rows])
    return figure


def _row(name: str, mark: str, colour: str, measure: Measure, seeds: list[float]) -> tuple:
    value, low, high = (100 * each for each in measure[:3])
    return name, mark, colour, value, [[value - low], [high - value]], seeds


def _measured_rows(real: Study | None) -> list[tuple]:
    if real is None:
        return []
    by_seed, headline = metrics.load_or_measure(*real.given), metrics.headline(*real.given)
    rows = []
    for model, of_model in headline.items():
        entry = architectures.get(model)
        seeds = [100 * measured["accuracy"].value for measured in by_seed[model].values()]
        name = f"{entry.sentence_title}, measured"
        rows.append(_row(name, "o", entry.colour, of_model["accuracy"], seeds))
    return rows


def _stated_rows(study: Study) -> list[tuple]:
    if not study.dataset.data_set.audited:
        return []
    return [
        (
            f"{entry.sentence_title}, the report",
            "D",
            "black",
            100 * claims.stated(f"{entry.name}-accuracy"),
            None,
            [],
        )
        for entry in architectures.reported()
    ]


def _published_rows(study: Study) -> list[tuple]:
    entry = study.dataset.data_set
    others = [(other, f"{other.title} ({other.source})") for other in entry.published]
    others += [(o, f"Full size, {o.model} ({o.source})") for o in entry.at_full_size]
    return [
        (
            name,
            "^" if other.is_frozen else "s",
            style.GREY,
            100 * other.accuracy,
            other.deviation and 100 * other.deviation,
            [],
        )
        for other, name in others
    ]
