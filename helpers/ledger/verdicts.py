"""The claims ledger: every checkable statement of the report, with two verdicts on each.

Whether a statement is consistent follows from the report's own figures (`arithmetic`); whether it
is reproduced, from a run. What the report and others state are no targets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from helpers import arithmetic, comparison, data, evaluation, runs
from helpers.arithmetic import Interval, Outcome
from helpers.settings import REPOSITORY, InputError, Settings, load_settings

if TYPE_CHECKING:
    from helpers.artifacts import Trained
    from helpers.evaluation import Metrics
    from helpers.runs import Run

LEDGER = REPOSITORY / "book" / "claims.yaml"
# The models of the report; resnet50-caffe is this book's own.
REPORTED_MODELS = ("custom-cnn", "resnet50")
# The settings that determine how many weights a model has; the classes come from the data set.
COUNTING = {
    "custom-cnn": ("data_set", "convolution_filters", "dense_units"),
    "resnet50": ("data_set", "dense_units"),
}
# What every run of this book does, whatever its settings (see models, training, explain).
PROTOCOL = {
    "normalisation": "[0,1], in the model's first layer",
    "labels": "one-hot",
    "loss": "categorical crossentropy",
    "early-stopping": "monitors validation loss",
    "checkpoint": "best validation accuracy",
    "base": "frozen",
    "metrics": "accuracy, precision, recall, F1-score",
    "averages": "macro and weighted averages",
    "figures": "confusion matrices, ROC curves",
    "auc": "per-class and micro-average",
    "grad-cam-target": "last convolutional layer",
    "heatmaps": "Grad-CAM heatmaps of single images, right and wrong",
    "focus": "per-class focus pattern: each class's mean map",
}
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
AS_LISTED = "as listed"
YES, NO, UNCHECKED, UNTESTABLE = "yes", "no", "n/a", "not testable"
CONSISTENT, REPRODUCED = (YES, NO, UNCHECKED), (YES, NO, UNTESTABLE)

Text = Annotated[str, Field(min_length=1, strict=True)]


@dataclass(frozen=True)
class Published:
    """A published test accuracy (0 to 1) on OCTMNIST's 28 px images, and where it stands.

    key : of the source in references.bib; deviation : standard deviation over seeds, where given.
    """

    model: str
    accuracy: float
    source: str
    key: str
    deviation: float | None = None


# "28->224" in the sources: 28 px images scaled up. All on the official test split of 1,000 images.
PUBLISHED = (
    Published("ResNet-18", 0.743, "MedMNIST v2", "medmnist"),
    Published("ResNet-50", 0.762, "MedMNIST v2", "medmnist"),
    Published("ResNet-50, scaled up", 0.776, "MedMNIST v2", "medmnist"),
    Published("MedViT-S, scaled up", 0.782, "MedViT", "medvit"),
    Published("VGG16", 0.775, "MedMNIST+", "medmnistplus", deviation=0.0286),
    Published("DenseNet-121", 0.7287, "MedMNIST+", "medmnistplus"),
    Published("ResNet-18", 0.6907, "MedMNIST+", "medmnistplus"),
    Published("ViT-B", 0.64, "MedMNIST+", "medmnistplus"),
)


class Check(BaseModel):
    """A rule that a claim must obey.

    rule : one of `arithmetic.RULES`.
    of : ids of the claims whose stated text the rule gets.
    n : the rule's own number.
    because : why the rule applies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Text
    of: tuple[Text, ...] = ()
    n: Annotated[int, Field(ge=0)] = 0
    because: Text | None = None

    @field_validator("of", mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        # The ledger names lists of layers once (YAML's anchors) and joins them by nesting.
        if not isinstance(value, list):
            return value
        return [id for part in value for id in (part if isinstance(part, list) else [part])]


class Claim(BaseModel):
    """A checkable statement of the report; `book/claims.yaml` says what each field holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Text
    section: Annotated[str, Field(pattern=r"^[1-6](\.\d)+$", strict=True)]
    claim: Text
    stated: Text
    kind: Literal[
        "count",
        "architecture",
        "parameters",
        "hyperparameter",
        "metric",
        "comparison",
        "qualitative",
    ]
    needs: Literal["data", "architecture", "none"]
    checks: tuple[Check, ...] = ()
    measured: Text | None = None
    expected: Text | None = None
    untestable: Text | None = None
    note: Text | None = None


@dataclass(frozen=True)
class Verdict:
    """A claim with what arithmetic and a run say of it.

    recomputed : what the rules give in place of what is stated; None without a rule.
    measured, interval : this run's own figure, where it has one, whatever the data.
    consistent : "yes", "no" or "n/a"; reproduced : "yes", "no" or "not testable".
    broken : the rules that the claim breaks, and what they give, in a clause.
    """

    claim: Claim
    recomputed: float | str | None
    measured: float | str | None
    interval: tuple[float, float] | None
    consistent: str
    reproduced: str
    why: str
    broken: dict[str, str]

    def row(self) -> dict[str, Any]:
        """The verdict as `claims.json` holds it: JSON values by name."""
        return {
            "id": self.claim.id,
            "section": self.claim.section,
            "stated": self.claim.stated,
            "recomputed": self.recomputed,
            "measured": self.measured,
            "interval": self.interval and list(self.interval),
            "consistent": self.consistent,
            "reproduced": self.reproduced,
            "why": self.why,
        }


@functools.cache
def ledger(path: Path = LEDGER) -> tuple[Claim, ...]:
    """Read the ledger and check it as a whole.

    Raises
    ------
    InputError : with the claim and what is wrong: a field, an id named twice or unknown, an unknown
        rule or source, a figure that a rule can't read.
    """
    try:
        entries = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(entries, list):
        raise InputError(f"{path}: must be a list of claims")
    found: dict[str, Claim] = {}
    for place, entry in enumerate(entries, start=1):
        name = entry.get("id", f"number {place}") if isinstance(entry, dict) else f"number {place}"
        try:
            claim = Claim.model_validate(entry)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "entry"
            raise InputError(f"{path}: claim {name}: {where}: {problem['msg']}") from None
        if claim.id in found:
            raise InputError(f"{path}: claim {name}: the id is used twice")
        found[claim.id] = claim
    for claim in found.values():
        try:
            _check_references(claim, found)
            _outcomes(claim, found)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise InputError(f"{path}: claim {claim.id}: {error}") from None
    return tuple(found.values())


def _check_references(claim: Claim, by_id: Mapping[str, Claim]) -> None:
    for check in claim.checks:
        if check.rule not in arithmetic.RULES:
            raise ValueError(f"unknown rule {check.rule!r}; known: {', '.join(arithmetic.RULES)}")
        for other in check.of:
            if other not in by_id:
                raise ValueError(f"rule {check.rule} names the unknown claim {other!r}")
    if claim.measured is None:
        if claim.untestable is None:
            raise ValueError("says neither what is measured nor why it is untestable")
        return
    source, *names = claim.measured.split()
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}; known: {', '.join(SOURCES)}")
    known = {
        "setting": tuple(Settings.model_fields),
        "layers": (*REPORTED_MODELS, *Settings.model_fields),
        "protocol": tuple(PROTOCOL),
    }
    for name in names:
        if source in known and name not in known[source]:
            raise ValueError(f"unknown {source} {name!r}; known: {', '.join(known[source])}")


def stated(claim_id: str) -> float:
    """The number that a claim of the ledger states; percentages as shares."""
    return arithmetic.read(_by_id()[claim_id].stated).middle


def stated_splits() -> dict[str, int]:
    """The report's number of images by split (section 1.2)."""
    return {split: int(stated(f"{split}-images")) for split in data.SPLITS}


@functools.cache
def _by_id() -> dict[str, Claim]:
    return {claim.id: claim for claim in ledger()}


def judge(
    claims: tuple[Claim, ...],
    settings: Settings,
    dataset_name: str,
    metrics: Metrics,
    trainings: list[Trained],
    answers: Mapping[str, tuple[str, str]] | None = None,
) -> list[Verdict]:
    """Both verdicts on every claim, in the ledger's order.

    A claim that needs data is only judged on OCTMNIST itself, and by models trained as profile
    paper says; a run with other settings refutes nothing. Measured are the first seed's figures.

    Parameters
    ----------
    metrics : as `evaluation.measure_all` gives them.
    trainings : every model's, the first seed first.
    answers : verdicts on claims that have no figure in a run, by id: "yes", "no" or "not testable",
        and why. On data other than OCTMNIST a claim that needs it stays "not testable", and the
        answer's reason is told beside that.
    """
    by_id = {claim.id: claim for claim in claims}
    # Several claims rest on one comparison of two models, which takes a bootstrap.
    find = functools.cache(_Evidence(settings, metrics, trainings).find)
    return [_verdict(claim, by_id, find, dataset_name, answers or {}) for claim in claims]


def _verdict(
    claim: Claim,
    by_id: Mapping[str, Claim],
    find: Callable[[str], Found],
    dataset_name: str,
    answers: Mapping[str, tuple[str, str]],
) -> Verdict:
    outcomes = _outcomes(claim, by_id)
    broken = {check.rule: outcome.why for check, outcome in outcomes if not outcome.holds}
    told = sorted((outcome for _, outcome in outcomes), key=lambda outcome: outcome.holds)
    found = find(claim.measured) if claim.measured else Found()
    if claim.untestable and claim.id not in answers:
        reproduced, reason = UNTESTABLE, f"no run of this book decides it: {claim.untestable}"
    elif claim.needs == "data" and dataset_name != "OCTMNIST":
        reproduced = UNTESTABLE
        reason = (
            f"not testable here: it is about OCTMNIST, and this run used {in_prose(dataset_name)}; "
            "make book PROFILE=paper would test it"
        )
        if claim.id in answers:
            reason += f"; {answers[claim.id][1]}"
    elif claim.id in answers:
        reproduced, reason = answers[claim.id]
    else:
        reproduced, reason = _compare(claim, found)
    checks = "; ".join(
        f"{check.because}: {outcome.why}" if check.because else outcome.why
        for check, outcome in outcomes
    )
    return Verdict(
        claim=claim,
        recomputed=told[0].recomputed if told else None,
        measured=found.value,
        interval=found.interval,
        consistent=NO if broken else YES if outcomes else UNCHECKED,
        reproduced=reproduced,
        why=" ".join(_sentence(part) for part in (checks, reason, claim.note) if part),
        broken=broken,
    )


def _outcomes(claim: Claim, by_id: Mapping[str, Claim]) -> list[tuple[Check, Outcome]]:
    return [
        (
            check,
            arithmetic.RULES[check.rule](
                claim.stated, [by_id[other].stated for other in check.of], check.n
            ),
        )
        for check in claim.checks
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


@dataclass(frozen=True)
class Found:
    """What a run has on a claim; `obstacle` says why that decides nothing."""

    value: float | str | None = None
    interval: tuple[float, float] | None = None
    obstacle: str | None = None


def _compare(claim: Claim, found: Found) -> tuple[str, str]:
    if found.obstacle:
        return UNTESTABLE, f"not testable here: {found.obstacle}"
    wanted = claim.expected or claim.stated
    if found.value == AS_LISTED:
        return YES, "this run's model is built from the same settings"
    if isinstance(found.value, str):
        same = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", found.value, re.IGNORECASE)
        agrees, what = bool(same), found.value
    else:
        figure = arithmetic.read(wanted)
        measured = Interval(*(found.interval or (found.value, found.value)))
        if figure.high == float("inf") and measured.low < figure.low <= measured.high:
            return UNTESTABLE, "this run's interval holds values on both sides of the bound"
        agrees, what = figure.overlaps(measured), arithmetic.shown(found.value)
    if found.interval:
        return (YES if agrees else NO), f"{'inside' if agrees else 'outside'} this run's interval"
    if agrees:
        return YES, f"here too it is {what}"
    if claim.measured.startswith(("setting", "protocol")):
        return UNTESTABLE, f"this run used {what}, and a run with other settings refutes nothing"
    return NO, f"here it is {what}"


@dataclass(frozen=True)
class _Evidence:
    """A run's answers; each method is a source that `measured` names, with its arguments."""

    settings: Settings
    metrics: Metrics
    trainings: list[Trained]

    def find(self, measured: str) -> Found:
        source, *names = measured.split()
        return SOURCES[source](self, *names)

    def metric(self, model: str, name: str) -> Found:
        if model not in self.metrics:
            return _lacking(model)
        measure = next(iter(self.metrics[model].values())).get(name)
        if measure is None:
            return Found(obstacle=f"this run has no {name}")
        if measure["low"] is None:
            return Found(measure["value"], None, "this run has no interval for it")
        interval = (measure["low"], measure["high"])
        return Found(measure["value"], interval, self._other_training(model))

    def history(self, model: str, column: str) -> Found:
        trained = self._first(model)
        if trained is None:
            return _lacking(model)
        value = float(trained.history[column].iloc[-1])
        if column != "val_accuracy":
            return Found(value, None, "an epoch's average while weights change has no interval")
        n = len(trained.predictions.val_labels)
        share = evaluation.proportion(round(value * n), n)
        return Found(value, (share["low"], share["high"]), self._other_training(model))

    def minutes(self, model: str) -> Found:
        trained = self._first(model)
        return Found(trained.provenance["seconds"] / 60) if trained else _lacking(model)

    def parameters(self, model: str) -> Found:
        trained = self._first(model)
        if trained is None:
            return _lacking(model)
        obstacle = self._other(*COUNTING[model])
        return Found(trained.provenance["parameters"]["total"], None, obstacle)

    def ratio(self, first: str, second: str) -> Found:
        above, below = self.parameters(first), self.parameters(second)
        if above.value is None or below.value is None:
            return _lacking(first if above.value is None else second)
        return Found(above.value / below.value, None, above.obstacle or below.obstacle)

    def difference(self, second: str, first: str) -> Found:
        pair = self._first(first), self._first(second)
        if None in pair:
            return _lacking(first if pair[0] is None else second)
        found = comparison.compare(*pair)
        obstacle = self._other_training(first) or self._other_training(second)
        return Found(found.difference, (found.low, found.high), obstacle)

    def setting(self, name: str) -> Found:
        value = getattr(self.settings, name)
        if name == "weights":
            value = Path(value).name  # no folder of the machine
        return Found(str(value) if isinstance(value, bool | str) else value)

    def layers(self, model: str, *names: str) -> Found:
        if self._first(model) is None:
            return _lacking(model)
        return Found(AS_LISTED, None, self._other(*names))

    def medmnist(self, *names: str) -> Found:
        facts = data.INFO["octmnist"]
        derived = {"total": sum(facts["n_samples"].values()), "classes": len(facts["label"])}
        value = functools.reduce(lambda part, name: part[name], names, facts | derived)
        return Found(value)

    def protocol(self, name: str) -> Found:
        return Found(PROTOCOL[name])

    def _first(self, model: str) -> Trained | None:
        return next((trained for trained in self.trainings if trained.model == model), None)

    def _other_training(self, model: str) -> str | None:
        """How the run departs from the protocol that the report's figures are about."""
        # A file may bear OCTMNIST's name and hold other images, so its source counts as well.
        return self._other("source", "data_set", "image_size", *self.settings.concerning(model))

    def _other(self, *names: str) -> str | None:
        paper = load_settings("paper")
        values = {name: self.setting(name).value for name in names}
        own = [
            f"{k}={v}" for k, v in values.items() if getattr(self.settings, k) != getattr(paper, k)
        ]
        return f"this run's settings aren't the report's ({', '.join(own)})" if own else None


def _lacking(model: str) -> Found:
    return Found(obstacle=f"this run has no {model}")


SOURCES: dict[str, Callable[..., Found]] = {
    "metric": _Evidence.metric,
    "history": _Evidence.history,
    "minutes": _Evidence.minutes,
    "parameters": _Evidence.parameters,
    "ratio": _Evidence.ratio,
    "difference": _Evidence.difference,
    "setting": _Evidence.setting,
    "layers": _Evidence.layers,
    "medmnist": _Evidence.medmnist,
    "protocol": _Evidence.protocol,
}


def save(run: Run, verdicts: list[Verdict]) -> None:
    """Keep the verdicts in `<run>/artifacts/claims.json`, untouched where they are the same."""
    runs.write_json(run.artifacts / "claims.json", [verdict.row() for verdict in verdicts])


def table(verdicts: list[Verdict]) -> pd.DataFrame:
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
            "measured": _text(verdict.measured) + _bounds(verdict.interval),
            "id": verdict.claim.id,
        }
        for verdict in verdicts
    )


def summary(verdicts: list[Verdict], by: Literal["kind", "needs"]) -> pd.DataFrame:
    """How many claims of each kind or need (rows, and all) have which verdicts (columns)."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(getattr(verdict.claim, by), []).append(verdict)
    rows = {
        group: {"claims": len(chosen)}
        | {f"consistent: {v}": sum(c.consistent == v for c in chosen) for v in CONSISTENT}
        | {f"reproduced: {v}": sum(c.reproduced == v for c in chosen) for v in REPRODUCED}
        for group, chosen in (groups | {"all": verdicts}).items()
    }
    return pd.DataFrame(rows).T.rename_axis(by)


def rules_table(verdicts: list[Verdict]) -> pd.DataFrame:
    """A row a rule, in words, the most broken first.

    Columns: how many claims break it, of how many that it was asked of; the first that breaks it,
    and what the rule gives in its place.
    """
    rows = {}
    for rule, words in RULES_IN_WORDS.items():
        asked = [v for v in verdicts if rule in {check.rule for check in v.claim.checks}]
        broken = [v for v in asked if rule in v.broken]
        rows[words] = {
            "broken by": len(broken),
            "of": len(asked),
            "for instance": broken[0].claim.claim if broken else "",
            "found": broken[0].broken[rule] if broken else "",
        }
    found = pd.DataFrame(rows).T.rename_axis("rule")
    return found.sort_values("broken by", ascending=False, kind="stable")


def _text(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else arithmetic.shown(value)


def _bounds(interval: tuple[float, float] | None) -> str:
    return f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""


def in_prose(dataset_name: str) -> str:
    """A data set's name as prose writes it: the phantom, OCTMNIST, octmnist-mini."""
    return "the phantom" if dataset_name == "phantom" else dataset_name


def about(dataset_name: str) -> str:
    """Why a claim on OCTMNIST's test images can or can't be judged on a data set; a sentence."""
    if dataset_name == "OCTMNIST":
        return "The report's claims on accuracy can be judged on these data."
    return (
        f"The report's claims on accuracy are not testable here: they are about OCTMNIST, and this "
        f"run used {in_prose(dataset_name)}. `make book PROFILE=paper` would test them."
    )
