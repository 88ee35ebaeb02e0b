"""Both verdicts on each claim of the ledger.

Whether a statement is consistent follows from the report's own figures (`rules`); whether it is
reproduced, from a run (`evidence`). What the report and others state are no targets.
"""

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from helpers.data.dataset import Dataset
from helpers.evaluation import metrics
from helpers.heatmaps import rows
from helpers.ledger import claims, evidence, rules
from helpers.ledger.claims import Claim
from helpers.ledger.evidence import Answer
from helpers.models.trainings import Trained, recall, result_key
from helpers.study import data_sets
from helpers.study.provenance import file_digest
from helpers.study.runs import Run, is_current, read_json, remember, write_json
from helpers.study.settings import PROTOCOL, Settings

YES, NO, UNCHECKED, UNTESTABLE = "yes", "no", "n/a", "not testable"
# What `claims.json` holds of each claim, and of its verdict.
STATED = ("id", "section", "stated")
TOLD = ("recomputed", "measured", "interval", "consistent", "reproduced", "why")


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


def load_or_judge(run: Run, settings: Settings, dataset: Dataset) -> list[Verdict]:
    """The verdicts on the whole ledger, judged and kept in `claims.json` unless they are there.

    Heatmaps are told of as far as the run has had them on trial.
    """
    ledger = claims.ledger()
    if not run.is_recorded:
        _judge_anew(run, settings, dataset, ledger)
    by_id = {claim.id: claim for claim in ledger}
    verdicts = []
    for row in read_json(run.claims):
        claim, told = by_id[row["id"]], {name: row[name] for name in TOLD}
        told["interval"] = told["interval"] and tuple(told["interval"])
        verdicts.append(Verdict(claim, **told, broken=_broken(claims.outcomes(claim, by_id))))
    return verdicts


def _judge_anew(run: Run, settings: Settings, dataset: Dataset, ledger: Sequence[Claim]) -> None:
    tried = file_digest(run.explanations) if run.explanations.exists() else None
    key = result_key(settings, dataset, Path(__file__), file_digest(claims.LEDGER), tried)
    if not is_current(run.claims, key):
        measured = metrics.load_or_measure(run, settings, dataset)
        trainings = recall(run, settings, dataset)
        judged = judge(ledger, settings, dataset, measured, trainings, rows.load(run))
        write_json(run.claims, to_json(judged))
        remember(run.claims, key)


def judge(
    ledger: Sequence[Claim],
    settings: Settings,
    dataset: Dataset,
    measured: metrics.Metrics,
    trainings: Sequence[Trained],
    tried: Sequence[rows.Row] = (),
) -> list[Verdict]:
    """Both verdicts on every claim, in the ledger's order.

    A claim that needs data is only judged on the very images that the report is about, and by
    models trained as it says; a run with other settings refutes nothing. Measured are the first
    seed's figures; `measured` and `trainings` are as `evidence.Evidence` has them.

    tried : heatmaps on trial. Their lesions are the phantom's, so that no verdict on the report's
        images follows: a claim on heatmaps stays "not testable", and is told what was measured.
    """
    by_id = {claim.id: claim for claim in ledger}
    # Several claims rest on one comparison of two models, which takes a bootstrap.
    answer = functools.cache(evidence.Evidence(settings, dataset, measured, trainings).answer)
    # The trial of a run about another set tells of that set's images.
    tried = tried if dataset.data_set.audited else ()
    verdicts = []
    for claim in ledger:
        outcomes = claims.outcomes(claim, by_id)
        failed_first = sorted((outcome for _, outcome in outcomes), key=lambda o: o.holds)
        recomputed = failed_first[0].recomputed if outcomes else None
        broken = _broken(outcomes)
        consistent = NO if broken else YES if outcomes else UNCHECKED
        answered = answer(claim.measured) if claim.measured else Answer()
        reproduced, reason = _reproduced(claim, answered, dataset, tried)
        checks = "; ".join(
            f"{check.because}: {outcome.why}" if check.because else outcome.why
            for check, outcome in outcomes
        )
        why = " ".join(_sentence(part) for part in (checks, reason, claim.note) if part)
        told = (recomputed, answered.value, answered.interval, consistent, reproduced, why)
        verdicts.append(Verdict(claim, *told, broken))
    return verdicts


def to_json(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The rows of `claims.json`, one a claim."""
    return [
        {name: getattr(verdict.claim, name) for name in STATED}
        | {name: getattr(verdict, name) for name in TOLD}
        for verdict in verdicts
    ]


def summary(verdicts: Sequence[Verdict], by: Literal["kind", "needs"]) -> pd.DataFrame:
    """How many claims of each kind or need (rows, and all) have which verdicts (columns)."""
    counted = {"claims": [True] * len(verdicts)}
    for name, kinds in (
        ("consistent", (YES, NO, UNCHECKED)),
        ("reproduced", (YES, NO, UNTESTABLE)),
    ):
        counted |= {f"{name}: {k}": [getattr(v, name) == k for v in verdicts] for k in kinds}
    groups = [getattr(verdict.claim, by) for verdict in verdicts]
    counts = pd.DataFrame(counted).groupby(groups, sort=False).sum()
    counts.loc["all"] = counts.sum()
    return counts.rename_axis(by)


def _broken(outcomes: Sequence[tuple[claims.Check, rules.Outcome]]) -> dict[str, str]:
    return {check.rule: outcome.why for check, outcome in outcomes if not outcome.holds}


def _reproduced(
    claim: Claim, measured: Answer, dataset: Dataset, tried: Sequence[rows.Row]
) -> tuple[str, str]:
    """The verdict against the run, and why."""
    asked = claim.heatmap
    on_heatmaps = asked and evidence.on_heatmaps(tried, asked.models, asked.criteria)
    if claim.untestable and not on_heatmaps:
        return UNTESTABLE, f"no run of this book decides it: {claim.untestable}"
    elsewhere = evidence.other_images(dataset) if claim.needs == "data" else None
    if elsewhere:
        why = f"not testable here: it is about {data_sets.audited().title}, and {elsewhere}"
        remedy = f"make book PROFILE={PROTOCOL} would test it"
        return UNTESTABLE, "; ".join(filter(None, (why, remedy, on_heatmaps)))
    if on_heatmaps:
        return UNTESTABLE, on_heatmaps
    if measured.obstacle:
        return UNTESTABLE, f"not testable here: {measured.obstacle}"
    return _compared(claim, measured)


def _compared(claim: Claim, measured: Answer) -> tuple[str, str]:
    stated = claim.expected or claim.stated
    if measured.value == evidence.AS_LISTED:
        return YES, "this run's model is built from the same settings"
    if isinstance(measured.value, str):
        words = rf"(?<!\w){re.escape(stated)}(?!\w)"
        agrees, what = bool(re.search(words, measured.value, re.IGNORECASE)), measured.value
    else:
        printed = rules.read(stated)
        reach = rules.Interval(*(measured.interval or (measured.value, measured.value)))
        if math.isinf(printed.high) and reach.low < printed.low <= reach.high:
            return UNTESTABLE, "this run's interval holds values on both sides of the bound"
        agrees, what = printed.overlaps(reach), rules.shown(measured.value)
    if measured.interval:
        return (YES if agrees else NO), f"{'inside' if agrees else 'outside'} this run's interval"
    if agrees:
        return YES, f"here too it is {what}"
    if claim.measured.startswith(("setting", "protocol")):
        return UNTESTABLE, f"this run used {what}, and a run with other settings refutes nothing"
    return NO, f"here it is {what}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
