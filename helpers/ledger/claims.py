"""The claims ledger: every checkable statement of the report, read and checked as a whole.

Needs no statistics, so that a page that only quotes the report doesn't depend on them: `SOURCES`
are what in a run a claim may be measured by, and `evidence` is what answers.
"""

import functools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from helpers.data.files import SPLITS
from helpers.ledger import rules
from helpers.study import architectures, settings
from helpers.study.errors import InputError
from helpers.study.texts import read_yaml

LEDGER = settings.REPOSITORY / "book" / "claims.yaml"
# How many of a source's arguments, the first ones, are models.
SOURCES = {
    **{"metric": 1, "history": 1, "minutes": 1, "parameters": 1, "layers": 1},
    **{"ratio": 2, "difference": 2, "least_difference": 2},
    **{"setting": 0, "medmnist": 0, "protocol": 0},
}
# What every run of this book does, whatever its settings (see models and heatmaps), in a clause.
EVERY_RUN = {
    "architectures": "two CNN architectures are compared, with the layers that the report lists",
    "normalisation": "pixels are scaled to [0,1] in the model's first layer",
    "labels": "labels are one-hot",
    "loss": "the loss is categorical crossentropy",
    "early-stopping": "early stopping monitors validation loss",
    "checkpoint": "the epoch with the best validation accuracy is kept",
    "base": "the base is frozen",
    "metrics": "accuracy, precision, recall, F1-score are measured",
    "averages": "macro and weighted averages are measured",
    "figures": "confusion matrices, ROC curves are drawn",
    "auc": "AUC is told per-class and micro-average",
    "grad-cam-target": "Grad-CAM looks at the last convolutional layer",
    "heatmaps": "Grad-CAM heatmaps of single images are shown, right and wrong ones",
    "focus": "a per-class focus pattern is shown, each class's mean map",
}

Text = Annotated[str, Field(min_length=1, strict=True)]
Kind = Literal[
    "count", "architecture", "parameters", "hyperparameter", "metric", "comparison", "qualitative"
]


class Check(BaseModel, extra="forbid", frozen=True):
    """A rule, one of `rules.RULES`, that a claim must obey, and `because` of what.

    of : ids of the claims whose stated text the rule gets; n : the rule's own number.
    """

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


class Heatmap(BaseModel, extra="forbid", frozen=True):
    """Which of the trial's Grad-CAM measurements speak to a claim: each criterion of each model.

    criteria : as `explanations.json` writes them, of one class as "mass inside, cnv".
    """

    models: Annotated[tuple[Text, ...], Field(min_length=1)]
    criteria: Annotated[tuple[Text, ...], Field(min_length=1)]


class OnRecord(BaseModel, extra="forbid", frozen=True):
    """What a source that anyone can look up says of a claim."""

    says: Literal["confirmed", "contradicted"]
    source: Text


class Claim(BaseModel, extra="forbid", frozen=True):
    """A checkable statement of the report; `book/claims.yaml` says what each field holds."""

    id: Text
    section: Annotated[str, Field(pattern=r"^([1-6](\.\d)+|abstract|references)$", strict=True)]
    claim: Text
    stated: Text
    kind: Kind
    needs: Literal["data", "architecture", "none"]
    checks: tuple[Check, ...] = ()
    fact: Text | None = None
    measured: Text | None = None
    expected: Text | None = None
    heatmap: Heatmap | None = None
    untestable: Text | None = None
    on_record: OnRecord | None = None
    note: Text | None = None


@functools.cache
def ledger(path: Path = LEDGER) -> tuple[Claim, ...]:
    """Read the ledger and check it as a whole.

    Raises InputError with the claim and what is wrong: a field, an id named twice or unknown, an
    unknown rule or source, a figure that a rule can't read.
    """
    entries = read_yaml(path, yaml.SafeLoader)
    if not isinstance(entries, list):
        raise InputError(f"{path}: must be a list of claims")
    by_id: dict[str, Claim] = {}
    for place, entry in enumerate(entries, start=1):
        name = entry.get("id", f"number {place}") if isinstance(entry, dict) else f"number {place}"
        try:
            claim = Claim.model_validate(entry)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "entry"
            raise InputError(f"{path}: claim {name}: {where}: {problem['msg']}") from None
        if claim.id in by_id:
            raise InputError(f"{path}: claim {name}: the id is used twice")
        by_id[claim.id] = claim
    for claim in by_id.values():
        try:
            _check_references(claim, by_id)
            outcomes(claim, by_id)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise InputError(f"{path}: claim {claim.id}: {error}") from None
    return tuple(by_id.values())


def outcomes(claim: Claim, by_id: Mapping[str, Claim]) -> list[tuple[Check, rules.Outcome]]:
    """Each check of a claim with what its rule gives on what the claims state."""
    told = []
    for check in claim.checks:
        others = [by_id[other].stated for other in check.of]
        told.append((check, rules.RULES[check.rule](claim.stated, others, check.n)))
    return told


def stated(claim_id: str) -> float:
    """The number that a claim of the ledger states; percentages as shares."""
    return rules.read({claim.id: claim.stated for claim in ledger()}[claim_id]).middle


def stated_splits() -> dict[str, int]:
    """The report's number of images by split (section 1.2)."""
    return {split: int(stated(f"{split}-images")) for split in SPLITS}


def determining(chosen: settings.Settings, model: str, image_size: int | None) -> dict[str, Any]:
    """What a model's layers and training depend on, the images aside, by the names users type."""
    values = {"image_size": image_size, **chosen.determining(model)}
    suffix = architectures.get(model).setting_suffix
    return values | {f"learning_rate_{suffix}": values.pop("learning_rate")}


def _check_references(claim: Claim, by_id: Mapping[str, Claim]) -> None:
    for check in claim.checks:
        _check_known("rule", [check.rule], rules.RULES)
        for other in check.of:
            if other not in by_id:
                raise ValueError(f"rule {check.rule} names the unknown claim {other!r}")
    reported = [entry.name for entry in architectures.reported()]
    if claim.heatmap:
        if claim.untestable is None:
            raise ValueError("heatmaps decide nothing: say why it is untestable")
        _check_known("model", claim.heatmap.models, reported)
    if not claim.measured:
        if claim.untestable is None and claim.on_record is None:
            raise ValueError("says neither what is measured nor why it is untestable")
        return
    source, *names = claim.measured.split()
    _check_known("source", [source], SOURCES)
    models, others = names[: SOURCES[source]], names[SOURCES[source] :]
    _check_known("model", models, reported)
    known: dict[str, Collection[str]] = {"setting": settings.names(), "protocol": EVERY_RUN}
    if source == "layers":
        report = settings.load_settings(settings.PROTOCOL)
        known["layers"] = ("data_set", *determining(report, models[0], report.data.image_size))
    if source in known:
        _check_known(source, others, known[source])


def _check_known(kind: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(known)}")
