"""Both verdicts on each claim of the ledger.

Whether a statement is consistent follows from the report's own figures and what anyone can look up
of the data set (`rules`); whether it is reproduced, from a run (`evidence`) or a source. What the
report and others state are no targets.

Some sixty outcomes are each judged at 95 %. That is left uncorrected: with five seeds an interval
that holds all of them at once would be several times as wide and refute nothing. `by_chance` says
how many fall outside where the report is right.
"""

import functools
import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helpers.data.dataset import Dataset
from helpers.evaluation import metrics
from helpers.heatmaps import rows
from helpers.ledger import claims, evidence, rules
from helpers.ledger.claims import Claim
from helpers.ledger.evidence import Answer
from helpers.models.trainings import Trained, recall, result_key
from helpers.study import data_sets
from helpers.study.provenance import file_digest
from helpers.study.runs import Run, kept, read_json
from helpers.study.settings import PROTOCOL, Settings

YES, NO, UNSUPPORTED, UNCHECKED = "yes", "no", "not supported", "n/a"
CONSISTENT = (NO, UNSUPPORTED, YES, UNCHECKED)
ADOPTED, UNTESTABLE = "adopted", "not testable"
CONFIRMED, CONTRADICTED = "confirmed by the source", "contradicted by the source"
REPRODUCED = (NO, CONTRADICTED, YES, CONFIRMED, ADOPTED, UNTESTABLE)
# What a run takes over from the report, and so reproduces by itself.
TAKEN_OVER = ("setting", "protocol", "layers")
CHANCE_OUTSIDE = 0.05


@dataclass(frozen=True)
class Verdict:
    """A claim with what arithmetic and a run say of it: a row of `claims.json`.

    id, section, kind, needs, claim, stated : as the ledger has them, `claim` being the quotation.
    measured_by : the source that was asked; None without one.
    asked : the rules that it must obey; broken : those that it breaks, and what they give, in a
        clause.
    fact : what a contradiction rests on; None without a contradiction.
    recomputed : what the rules give in place of what is stated; None without a rule.
    measured, interval : the run's own figure, the mean of its seeds, and where that of one more
        seed would lie, where it has them, whatever the data.
    consistent : one of `CONSISTENT`; `UNSUPPORTED` are words that the report's own figures don't
        bear, without contradicting them.
    reproduced : one of `REPRODUCED`; `YES` and `NO` only of an outcome: a result on the report's
        own images, or the weights of the network that it lists.
    """

    id: str
    section: str
    kind: str
    needs: str
    claim: str
    stated: str
    measured_by: str | None
    asked: tuple[str, ...]
    broken: dict[str, str]
    fact: str | None
    recomputed: float | str | None
    measured: float | str | None
    interval: tuple[float, float] | None
    consistent: str
    reproduced: str
    why: str


def load_or_judge(run: Run, settings: Settings, dataset: Dataset) -> list[Verdict]:
    """The verdicts on the whole ledger, judged and kept in `claims.json` unless they are there.

    Heatmaps are told of as far as the run has had them on trial. A recorded run's verdicts are
    those that its file has, whatever the ledger says today.
    """
    if run.is_recorded:
        return [_from_json(row) for row in read_json(run.claims)]
    tried = file_digest(run.explanations) if run.explanations.exists() else None
    key = result_key(settings, dataset, Path(__file__), file_digest(claims.LEDGER), tried)

    def judged() -> list[dict[str, Any]]:
        measured = metrics.load_or_measure(run, settings, dataset)
        trainings = recall(run, settings, dataset)
        given = settings, dataset, measured, trainings, rows.load(run)
        return to_json(judge(claims.ledger(), *given))

    return [_from_json(row) for row in kept(run.claims, key, judged)]


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
    models trained as it says; a run with other settings refutes nothing. `measured` and `trainings`
    are as `evidence.Evidence` has them.

    tried : heatmaps on trial. Their lesions are the phantom's, so that no verdict on the report's
        images follows: a claim on heatmaps stays "not testable", and is told what was measured.
    """
    by_id = {claim.id: claim for claim in ledger}
    answer = functools.cache(evidence.Evidence(settings, dataset, measured, trainings).answer)
    # The trial of a run about another set tells of that set's images.
    tried = tried if dataset.data_set.audited else ()
    verdicts = []
    for claim in ledger:
        outcomes = claims.outcomes(claim, by_id)
        failed_first = sorted((outcome for _, outcome in outcomes), key=lambda o: o.holds)
        broken = {check.rule: outcome.why for check, outcome in outcomes if not outcome.holds}
        consistent = _consistent(claim, broken)
        answered = answer(claim.measured) if claim.measured else Answer()
        reproduced, reason = _reproduced(claim, answered, dataset, tried)
        checks = "; ".join(
            f"{check.because}: {outcome.why}" if check.because else outcome.why
            for check, outcome in outcomes
        )
        verdicts.append(
            Verdict(
                *(claim.id, claim.section, claim.kind, claim.needs, claim.claim, claim.stated),
                measured_by=claim.measured,
                asked=tuple(check.rule for check in claim.checks),
                broken=broken,
                fact=(claim.fact or claim.id) if consistent == NO else None,
                recomputed=failed_first[0].recomputed if outcomes else None,
                measured=answered.value,
                interval=answered.interval,
                consistent=consistent,
                reproduced=reproduced,
                why=" ".join(_sentence(part) for part in (checks, reason, claim.note) if part),
            )
        )
    return verdicts


def to_json(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The rows of `claims.json`, one a claim."""
    return [asdict(verdict) for verdict in verdicts]


def facts(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """The contradictions by what they rest on: none of these facts follows from another."""
    grouped: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.fact:
            grouped.setdefault(verdict.fact, []).append(verdict)
    return grouped


def recalls_of_classes(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts on recalls of single classes, and of these the ones no model could reach."""
    asked = [v for v in verdicts if v.measured_by and "recall/" in v.measured_by]
    return asked, [verdict for verdict in asked if verdict.consistent == NO]


def by_chance(verdicts: Sequence[Verdict]) -> tuple[int, float]:
    """How many outcomes are judged by an interval, and how many of these fall outside by chance."""
    judged = [v for v in verdicts if v.interval and v.reproduced in (YES, NO)]
    return len(judged), CHANCE_OUTSIDE * len(judged)


def _from_json(row: dict[str, Any]) -> Verdict:
    interval = row["interval"] and tuple(row["interval"])
    return Verdict(**row | {"interval": interval, "asked": tuple(row["asked"])})


def _consistent(claim: Claim, broken: dict[str, str]) -> str:
    if not claim.checks:
        return UNCHECKED
    if not broken:
        return YES
    return UNSUPPORTED if rules.OF_SUPPORT.issuperset(broken) else NO


def _reproduced(
    claim: Claim, measured: Answer, dataset: Dataset, tried: Sequence[rows.Row]
) -> tuple[str, str]:
    """The verdict against the run or a source, and why."""
    if claim.on_record:
        confirmed = claim.on_record.says == "confirmed"
        return CONFIRMED if confirmed else CONTRADICTED, claim.on_record.source
    asked = claim.heatmap
    on_heatmaps = asked and evidence.on_heatmaps(tried, asked.models, asked.criteria)
    if claim.untestable and not on_heatmaps:
        return UNTESTABLE, f"no run of this book decides it: {claim.untestable}"
    elsewhere = evidence.other_images(dataset) if claim.needs == "data" else None
    if elsewhere:
        why = f"not testable here: it is about {data_sets.audited().title}, and {elsewhere}"
        remedy = f"make book PROFILE={PROTOCOL} would test it"
        return UNTESTABLE, "; ".join(filter(None, (why, on_heatmaps or remedy)))
    if on_heatmaps:
        return UNTESTABLE, on_heatmaps
    if measured.obstacle:
        return UNTESTABLE, f"not testable here: {measured.obstacle}"
    return _compared(claim, measured)


def _compared(claim: Claim, measured: Answer) -> tuple[str, str]:
    source, *names = claim.measured.split()
    if measured.value == evidence.AS_LISTED:
        return ADOPTED, "this run's model is built from the settings that the report lists"
    stated, value = claim.expected or claim.stated, measured.value
    if source == "metric" or measured.interval:
        return _inside(rules.read(stated), measured)
    if isinstance(value, str):
        words = rf"(?<!\w){re.escape(stated)}(?!\w)"
        agrees = bool(re.search(words, value, re.IGNORECASE))
        what = textwrap.shorten(value, 90, placeholder=" …")
    else:
        agrees, what = rules.read(stated).overlaps(rules.Interval(value, value)), rules.shown(value)
    if source == "medmnist":
        told = f"MedMNIST's own table: {' '.join(names)}: {what}"
        return (CONFIRMED if agrees else CONTRADICTED), told
    if source in TAKEN_OVER:
        told = f"in every run of this book {what}" if source == "protocol" else ""
        told = told or f"this run's setting {names[0]} is {what.lower()}"
        refutes = "; a run with other settings refutes nothing"
        return (ADOPTED, told) if agrees else (UNTESTABLE, told + refutes)
    return (YES, f"here too it is {what}") if agrees else (NO, f"here it is {what}")


def _inside(printed: rules.Interval, measured: Answer) -> tuple[str, str]:
    reach = rules.Interval(*measured.interval)
    if math.isinf(printed.high) and reach.low < printed.low <= reach.high:
        return UNTESTABLE, "another seed's result may lie on either side of the bound"
    is_inside = printed.overlaps(reach)
    told = f"{'inside' if is_inside else 'outside'} the interval of another seed's result"
    return (YES if is_inside else NO), told


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
