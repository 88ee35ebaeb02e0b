"""Chapter 7, the claims ledger: what arithmetic alone shows, and every claim with its verdicts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.ledger import claims, evidence, rules, verdicts
from helpers.ledger.verdicts import Verdict
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures, data_sets
from helpers.study.settings import PROTOCOL

# The rules as the page names them.
RULES_IN_WORDS = {
    "multiple": "A share of n images is a whole number of images",
    "equal": "Figures that must be equal are",
    "mean": "An average is the mean of its classes",
    "parameters": "The layers listed have the stated number of weights",
    "parameter_ratio": "The layers listed have the stated ratio of weights",
    "ratio": "A ratio is that of the stated figures",
    "gain": "A lead is that of the stated figures",
    "significant": "A lead can be told from chance",
    "localises": "A heatmap that shows a place has more than one cell",
    "finer_map": "More precise localization takes a finer map",
    "sum": "Parts add up to the total",
    "named": "A precision is a whole number of images of those named",
    "called": "Precision and recall say that as many images were named as there are",
    "f1": "F1 is the harmonic mean of precision and recall",
    "least_loss": "A loss is at least what the errors cost",
    "higher": "What is called higher is higher",
    "lower": "What is called lower is lower",
    "fewer_parameters": "What is said to have fewer weights has fewer",
    "buildable": "The layers listed fit on one another",
    "increasing": "Filters that are said to increase do",
    "count": "As many are listed as are stated",
}
# The whole ledger's parts, in its order, and what a verdict in each has.
PARTS = {
    "Contradicted by the report itself, or by its data set": lambda v: v.consistent == verdicts.NO,
    "Not supported by the report's own figures": lambda v: v.consistent == verdicts.UNSUPPORTED,
    "Contradicted by this run, or by a source": lambda v: (
        v.reproduced in (verdicts.NO, verdicts.CONTRADICTED)
    ),
    "Reproduced by this run": lambda v: v.reproduced == verdicts.YES,
    "Confirmed by a source": lambda v: v.reproduced == verdicts.CONFIRMED,
    "Adopted: this run does as the report says": lambda v: v.reproduced == verdicts.ADOPTED,
    "Not testable by this run": lambda v: True,
}
HEADINGS = ("claim", "stated → right", "consistent?", "reproduced?")


def arithmetic(judged: Sequence[Verdict]) -> str:
    """What arithmetic alone shows of the report, in a paragraph; it needs no image and no run."""
    checked = sum(v.consistent != verdicts.UNCHECKED for v in judged)
    contradicted = sum(v.consistent == verdicts.NO for v in judged)
    facts = verdicts.facts(judged)
    asked, impossible = verdicts.recalls_of_classes(judged)
    (weights,) = (v for v in judged if v.id == "custom-cnn-parameters")
    stated = rules.read(weights.stated).middle
    return (
        f"Of {checked} statements that arithmetic can check, {contradicted} contradict the "
        f"report's other figures or its data set; {len(facts)} independent facts lie behind them. "
        f"{words.number(len(impossible)).capitalize()} of its {words.number(len(asked))} class "
        f"recalls can't occur: of {images_of_a_class()} images a recall is a whole number divided "
        f"by {images_of_a_class()}. The layers that it lists for its custom CNN have "
        f"{weights.recomputed:,} weights; it states {weights.stated}, "
        f"{stated / weights.recomputed:.2f} times as many."
    )


def findings(study: Study) -> list[str]:
    """What a run says of the report's statements, in sentences."""
    judged = verdicts.load_or_judge(*study.given)
    counted = Counter(verdict.reproduced for verdict in judged)
    return [
        on_images(judged, study.dataset),
        f"{counted[verdicts.ADOPTED]} statements are settings and steps that it adopts from the "
        f"report, which reproduces nothing. MedMNIST's own table or another publication confirms "
        f"{counted[verdicts.CONFIRMED]} and contradicts {counted[verdicts.CONTRADICTED]}.",
        on_weights(judged),
    ]


def on_images(judged: Sequence[Verdict], dataset: Dataset) -> str:
    """What a run can say of the statements that need the report's images."""
    on_data = Counter(v.reproduced for v in judged if v.needs == "data")
    title, elsewhere = data_sets.audited().title, evidence.other_images(dataset)
    if elsewhere:
        return (
            f"None of the {on_data.total()} statements about {title}'s images is tested here, for "
            f"{elsewhere}; make book PROFILE={PROTOCOL} would test those that have a figure in a "
            "run."
        )
    count, by_chance = verdicts.by_chance(judged)
    chance = (
        f" Were all {count} that are judged at 95 % right, some {by_chance:.0f} would be rejected "
        "by chance."
    )
    return (
        f"Of {on_data.total()} statements about {title}'s images {on_data[verdicts.YES]} are "
        f"reproduced, {on_data[verdicts.NO]} are not, and {on_data[verdicts.UNTESTABLE]} can't be "
        f"tested.{chance if count else ''}"
    )


def on_weights(judged: Sequence[Verdict]) -> str:
    """What counting the weights of a run's own models says; nothing where none is counted."""
    outcomes = (verdicts.YES, verdicts.NO)
    counted = [v for v in judged if v.needs == "architecture" and v.reproduced in outcomes]
    refuted = sum(v.reproduced == verdicts.NO for v in counted)
    told = (
        f"{len(counted)} statements compare numbers of weights; by those of its own models "
        f"{refuted} are wrong."
    )
    return told if counted else ""


def on_facts(judged: Sequence[Verdict]) -> str:
    """Which contradictions rest on which fact, where several do, in a sentence."""
    facts = verdicts.facts(judged)
    shared = [len(resting) for resting in facts.values() if len(resting) > 1]
    return (
        f"{sum(map(len, facts.values()))} statements are flagged, and {len(facts)} facts lie "
        f"behind them: none of these follows from another. On {words.number(len(shared))} of them "
        f"several statements rest, {words.listed([str(count) for count in shared])}."
    )


def images_of_a_class() -> int:
    """How many images each class has in the test split that the report is about."""
    audited = data_sets.audited()
    return audited.samples["test"] // len(audited.classes)


def possible_recalls() -> Figure:
    """The recalls that a class's images can give, and between them those that the report states.

    A tick is a whole number of images; a filled mark is a figure that rounds from one. Needs no
    run.
    """
    names, n = data_sets.audited().classes, images_of_a_class()
    printed = {claim.id: claim.stated for claim in claims.ledger()}
    stated = {
        (entry, name): printed[f"{entry.name}-recall-{name}"]
        for entry in architectures.reported()
        for name in names
    }
    values = [rules.read(text).middle for text in stated.values()]
    counts = np.arange(np.floor(min(values) * n) - 1, np.ceil(max(values) * n) + 2)
    figure, axis = plt.subplots(figsize=(4.6, 3.1))
    for count in counts:
        axis.axvline(count / n, color=style.FAINT, lw=1.2, zorder=0)
    for ((entry, name), text), value in zip(stated.items(), values, strict=True):
        place = names.index(name) + (0.17 if entry.base else -0.17)
        fill = entry.colour if rules.RULES["multiple"](text, [], n).holds else "white"
        axis.plot(value, place, "D", mec=entry.colour, mfc=fill, ms=8, mew=2)
    axis.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
    axis.set_yticklabels([data_sets.class_title(name) for name in names])
    axis.set_xticks(counts / n, [f"{count / n:.3f}\n{count:.0f}" for count in counts])
    axis.set_xlabel(f"recall, and images of {n} that give it")
    marks = [style.mark(e.sentence_title, "D", e.colour) for e in architectures.reported()]
    marks.append(style.mark("can't occur", "D", style.GREY, mfc="white", mew="2"))
    figure.legend(handles=marks, loc="outside upper center", ncols=3, frameon=False)
    return figure


def weights_table(judged: Sequence[Verdict]) -> pd.DataFrame:
    """A row a model of the report: the weights that it states, and those of the layers listed."""
    by_id = {verdict.id: verdict for verdict in judged}
    rows = {}
    for entry in architectures.reported():
        verdict = by_id[f"{entry.name}-parameters"]
        stated, counted = rules.read(verdict.stated).middle, verdict.recomputed
        rows[entry.sentence_title] = {
            "stated": f"{stated:,.0f}",
            "counted": f"{counted:,}",
            "stated / counted": f"{stated / counted:.2f}",
        }
    return pd.DataFrame(rows).T.rename_axis("model")


def forgotten_layers() -> str:
    """What the stated number of ResNet50's weights is the sum of, in a sentence."""
    base = rules.BASE.parameters
    first = rules.build(["Input Layer (1×1×2048)", "Dense(512)"]).parameters
    last = rules.build(["Input Layer (1×1×256)", "Dense(4, softmax)"]).parameters
    return (
        f"ResNet50's stated number is {base + first + last:,} = {base:,} + {first:,} + {last:,}: "
        "the base, the first dense layer and the last, without batch norm, the dense layer between "
        "and the convolution from grey to RGB."
    )


def rules_table(judged: Sequence[Verdict]) -> pd.DataFrame:
    """A row a rule, the most broken first: how many statements break it, of how many."""
    rows = {
        in_words: [sum(rule in v.broken for v in judged), sum(rule in v.asked for v in judged)]
        for rule, in_words in RULES_IN_WORDS.items()
    }
    table = pd.DataFrame(rows, index=["broken by", "of"]).T.rename_axis("rule")
    return table.sort_values("broken by", ascending=False, kind="stable")


def whole(judged: Sequence[Verdict]) -> str:
    """The ledger as HTML: contradictions first, a link for each claim, its reason folded below.

    It needs no script. `_static/ledger.css` colours each verdict by its class.
    """
    heads = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS)
    parts = "\n".join(_part(title, rows) for title, rows in _by_part(judged).items())
    return f'<table class="dataframe ledger">\n<thead><tr>{heads}</tr></thead>\n{parts}\n</table>'


def _by_part(judged: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    rows: dict[str, list[Verdict]] = {title: [] for title in PARTS}
    for verdict in judged:
        rows[next(title for title, holds in PARTS.items() if holds(verdict))].append(verdict)
    return {title: of_part for title, of_part in rows.items() if of_part}


def _part(title: str, rows: Sequence[Verdict]) -> str:
    across = f'colspan="{len(HEADINGS)}" scope="rowgroup"'
    heading = f"<tbody><tr><th {across}>{escape(title)} ({len(rows)})</th></tr></tbody>"
    return "\n".join([heading, *map(_row, rows)])


def _row(verdict: Verdict) -> str:
    anchor = f"claim-{verdict.id}"
    link = f'<a href="#{anchor}" title="Link to this claim">{escape(verdict.section)}</a>'
    figures = " → ".join(escape(text) for text in _figures(verdict))
    marks = "".join(
        f'<td class="{_class_of(mark)}">{escape(mark)}</td>'
        for mark in (verdict.consistent, verdict.reproduced)
    )
    why = escape(" ".join(filter(None, (verdict.why, _measured(verdict)))))
    return (
        f'<tbody id="{anchor}"><tr><td>{link} {escape(verdict.claim)}</td><td>{figures}</td>'
        f'{marks}</tr><tr><td colspan="{len(HEADINGS)}"><details><summary>why</summary>'
        f"<p>{why}</p></details></td></tr></tbody>"
    )


def _figures(verdict: Verdict) -> Iterator[str]:
    """What is stated where it is a figure, and what is right where that is something else."""
    if any(letter.isdigit() for letter in verdict.stated):
        yield verdict.stated
    right = None
    if verdict.consistent == verdicts.NO:
        right = verdict.recomputed
    elif verdict.reproduced == verdicts.NO:
        right = verdict.measured
    if right is not None:
        is_share = "%" in verdict.stated and not isinstance(right, str)
        yield f"{100 * right:.1f} %" if is_share else _text(right)


def _measured(verdict: Verdict) -> str:
    """A figure of the run, where it is one, with where another seed's would lie."""
    if isinstance(verdict.measured, str) or verdict.measured is None:
        return ""
    between = "; another seed's lies in [{:.4f}, {:.4f}] (95 %)".format
    reach = between(*verdict.interval) if verdict.interval else ""
    return f"Measured: {_text(verdict.measured)}{reach}."


def _class_of(mark: str) -> str:
    return "verdict-" + "-".join("".join(c if c.isalnum() else " " for c in mark).split())


def _text(value: float | str | None) -> str:
    return rules.shown(value) if isinstance(value, int | float) else value or ""
