"""The model card's own figures: what the models of a finished run reach."""

from collections.abc import Sequence

import numpy as np

from helpers.evaluation import metrics
from helpers.pages.study import Described
from helpers.study import architectures
from helpers.study.runs import read_json

# Shown in per cent, or else as they are.
SHOWN = {"accuracy": True, "macro_f1": True, "auc/macro": False}
HEADING = ("Model", "Weights", *map(metrics.in_words, SHOWN))


def tables(study: Described) -> str:
    """The table of a run and, beside it, of the recorded run that pages show; in Markdown."""
    return "\n\n".join(table(each) for each in (study.record, study) if each)


def table(study: Described) -> str:
    """A row a model: its weights, and test metrics as means over seeds with their range."""
    rows = [HEADING, ["---"] * len(HEADING)]
    for model, by_seed in metrics.from_json(read_json(study.run.metrics)).items():
        made = read_json(study.run.training(model, int(next(iter(by_seed)))) / "provenance.json")
        values = [
            _over_seeds([measured[metric].value for measured in by_seed.values()], in_percent)
            for metric, in_percent in SHOWN.items()
        ]
        title = architectures.get(model).sentence_title
        rows.append([title, f"{made['parameters']['total']:,}", *values])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([f"**{study.title}.**", "", *lines])


def _over_seeds(values: Sequence[float], in_percent: bool) -> str:
    ends = np.mean(values), min(values), max(values)
    mean, low, high = (f"{100 * v:.1f} %" if in_percent else f"{v:.3f}" for v in ends)
    return mean if len(values) == 1 else f"{mean} ({low.removesuffix(' %')} to {high})"
