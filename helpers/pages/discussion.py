"""Chapter 6, the discussion: the claims ledger in tables and sentences."""

from collections import Counter
from collections.abc import Sequence

import itables.options
import pandas as pd
from itables.javascript import generate_init_offline_itables_html, to_html_datatable

from helpers.data.dataset import Dataset
from helpers.ledger import evidence, rules
from helpers.ledger.verdicts import UNTESTABLE, Verdict
from helpers.study import data_sets
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
    "smaller_gap": "Better generalization is a smaller gap between training and test",
    "least_input": "A model takes the images it is fed",
    "localises": "A heatmap that shows a place has more than one cell",
    "finer_map": "More precise localization takes a finer map",
    "fills_memory": "What needs careful loading is large",
    "sum": "Parts add up to the total",
    "f1": "F1 is the harmonic mean of precision and recall",
    "least_loss": "A loss is at least what the errors cost",
    "higher": "What is called higher is higher",
    "lower": "What is called lower is lower",
    "fewer_parameters": "What is said to have fewer weights has fewer",
    "buildable": "The layers listed fit on one another",
    "increasing": "Filters that are said to increase do",
    "count": "As many are listed as are stated",
}


def ledger_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """The ledger as the page shows it: a row a claim, everything as text."""
    return pd.DataFrame(
        {
            "section": verdict.claim.section,
            "claim": verdict.claim.claim,
            "stated": verdict.claim.stated,
            "consistent": verdict.consistent,
            "reproduced": verdict.reproduced,
            "why": verdict.why,
            "recomputed": _text(verdict.recomputed),
            "measured": _text(verdict.measured, verdict.interval),
            "id": verdict.claim.id,
        }
        for verdict in verdicts
    )


def rules_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a rule, the most broken first, with its first breach and what it gives in its place."""
    rows = {}
    for rule, in_words in RULES_IN_WORDS.items():
        asked = [v for v in verdicts if rule in {check.rule for check in v.claim.checks}]
        broken = [v for v in asked if rule in v.broken]
        instance = (broken[0].claim.claim, broken[0].broken[rule]) if broken else ("", "")
        rows[in_words] = [len(broken), len(asked), *instance]
    columns = ["broken by", "of", "for instance", "found"]
    table = pd.DataFrame(rows, index=columns).T.rename_axis("rule")
    return table.sort_values("broken by", ascending=False, kind="stable")


def recalls_of_classes(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts on recalls of single classes, and of these the ones no model could reach."""
    asked = [v for v in verdicts if v.claim.measured and "recall/" in v.claim.measured]
    return asked, [verdict for verdict in asked if verdict.consistent == "no"]


def on_this_run(verdicts: Sequence[Verdict], dataset: Dataset) -> str:
    """What this run can say of the statements that need the report's images, and of the others."""
    on_data = Counter(v.reproduced for v in verdicts if v.claim.needs == "data")
    others = Counter(v.reproduced for v in verdicts if v.claim.needs != "data")
    elsewhere = evidence.other_images(dataset)
    told = (
        f": {on_data['yes']} lie inside this run's intervals, {on_data['no']} outside, and "
        f"{on_data[UNTESTABLE]} have no figure here that could tell"
    )
    if elsewhere:
        told = (
            f". None of them is tested here, for {elsewhere}; `make book PROFILE={PROTOCOL}` would "
            "test those that have a figure in a run"
        )
    return (
        f"{on_data.total()} statements are about {data_sets.audited().title}{told}. Of the other "
        f"{others.total()}, which need no data, this run tests "
        f"{others.total() - others[UNTESTABLE]}."
    )


def filterable(table: pd.DataFrame, by: Sequence[str]) -> str:
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


def _text(value: float | str | None, interval: tuple[float, float] | None = None) -> str:
    text = rules.shown(value) if isinstance(value, int | float) else value or ""
    return text + (" [{:.4f}, {:.4f}]".format(*interval) if interval else "")
