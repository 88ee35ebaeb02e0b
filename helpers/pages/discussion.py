"""Chapter 6, the discussion: what the report concludes, and what a run says of it."""

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.evaluation import metrics
from helpers.ledger import claims
from helpers.models.trainings import Trained
from helpers.pages import comparisons, words
from helpers.pages.study import Study
from helpers.study import architectures, data_sets


def findings(study: Study) -> list[str]:
    """What a run says of the report's two conclusions on accuracy, in sentences."""
    accuracies = of_all_seeds(metrics.load_or_measure(*study.given))
    return [*larger(study.by_model, accuracies), *fit(study.by_model, accuracies)]


def of_all_seeds(measured: metrics.Metrics) -> dict[str, dict[int, float]]:
    """The test accuracy of each model by seed, 0 to 1."""
    return {
        model: {int(seed): by_name["accuracy"].value for seed, by_name in by_seed.items()}
        for model, by_seed in measured.items()
    }


def larger(
    by_model: Mapping[str, Sequence[Trained]], accuracies: Mapping[str, Mapping[int, float]]
) -> list[str]:
    """Whether the models with more weights are the more accurate ones, a sentence each.

    Both means over seeds and the extremes of the differences, seed by seed, are told.
    """
    first, *others = by_model
    told = [comparisons.alone(by_model)]
    for other in others:
        gains = [accuracies[other][seed] - value for seed, value in accuracies[first].items()]
        weights = [by_model[m][0].provenance["parameters"]["total"] for m in (other, first)]
        means = [np.mean(list(accuracies[m].values())) for m in (other, first)]
        told.append(
            f"{architectures.get(other).sentence_title}, with {weights[0] / weights[1]:.1f} times "
            f"the weights of {architectures.get(first).title}, names {100 * means[0]:.1f} % of the "
            f"test images rightly, against {100 * means[1]:.1f} %: {_points(np.mean(gains))} "
            f"points{_spread(gains)}."
        )
    return list(filter(None, told))


def fit(
    by_model: Mapping[str, Sequence[Trained]], accuracies: Mapping[str, Mapping[int, float]]
) -> list[str]:
    """Accuracy on each split at the epoch that is used, the means over seeds, in a sentence."""
    parts = []
    for model, trainings in by_model.items():
        epochs = [trained.history.loc[trained.best_epoch] for trained in trainings]
        train, val = (np.mean([e[name] for e in epochs]) for name in ("accuracy", "val_accuracy"))
        test = np.mean(list(accuracies[model].values()))
        shares = " / ".join(f"{100 * share:.1f}" for share in (train, val, test))
        parts.append(f"{architectures.get(model).title} {shares} %")
    return [f"Accuracy on training, validation and test images: {words.listed(parts)}."]


def published() -> str:
    """Where others' results lie beside the report's, in Markdown."""
    audited = data_sets.audited()
    trained, frozen = (
        "{:.0f} to {:.0f} %".format(*(100 * end for end in data_sets.published_range(kind)))
        for kind in (False, True)
    )
    whole, some = (f"{100 * each.accuracy:.1f} %" for each in audited.at_full_size)
    stated = [
        f"{100 * claims.stated(f'{entry.name}-accuracy'):.1f} % with {entry.title}"
        for entry in architectures.reported()
    ]
    return (
        f"Published results on {audited.title} at {data_sets.SIZES[0]} px lie at {trained} where "
        f"the whole network was trained, and at {frozen} on frozen features such as the report's "
        f"ResNet50 has. On the same scans at full size Kermany et al. reached {whole}, and {some} "
        f"with 1,000 training images a class. The report states {words.listed(stated)}, at "
        f"{data_sets.SIZES[0]} px."
    )


def _points(gain: float) -> str:
    return f"{100 * gain:+.1f}".replace("-", "\N{MINUS SIGN}")


def _spread(gains: Sequence[float]) -> str:
    if len(gains) == 1:
        return ", by one seed"
    least, most = map(_points, (min(gains), max(gains)))
    return f" ({least} to {most} over {words.number(len(gains))} seeds)"
