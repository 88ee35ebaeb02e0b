"""The stratified bootstrap of every test metric at once, as products of matrices.

A resample is a row of weights: how often each image was drawn. Every metric is then a linear or a
bilinear form in the weights, or a ratio of such forms, and all resamples share one product.
"""

import numpy as np

RESAMPLES = 10_000


def draw_weights(labels: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each image is drawn in each resample, with replacement within its class.

    Stratified, because the test split's class sizes were fixed by design (Davison and Hinkley 1997,
    section 3.2).

    Parameters
    ----------
    labels : int (n,).

    Returns
    -------
    float32 (resamples, n); the weights of a class add up to its size in every row.
    """
    rng = np.random.default_rng(seed)
    weights = np.empty((resamples, len(labels)), np.float32)
    rows = np.arange(resamples)[:, None]
    for label in np.unique(labels):
        (images,) = np.nonzero(labels == label)
        size = len(images)
        drawn = rng.integers(size, size=(resamples, size)) + rows * size
        weights[:, images] = np.bincount(drawn.ravel(), minlength=resamples * size).reshape(
            resamples, size
        )
    return weights


def draw_means(values: np.ndarray) -> np.ndarray:
    """The mean of each resample, drawn without strata, of values float (n,): (resamples,)."""
    return draw_weights(np.zeros(len(values), int)) @ values / len(values)


def metrics(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric of one model in every resample.

    Parameters
    ----------
    probabilities : float (n, classes), rows adding up to 1.
    labels : int (n,); every class occurs.
    weights : float32 (resamples, n), stratified, as `draw_weights` gives them; a single row of ones
        gives the metrics themselves.

    Returns
    -------
    `{metric: float64 (resamples,)}`, named and defined as in `evaluation.measure`.
    """
    count, n = len(classes), len(labels)
    pair = labels * count + probabilities.argmax(axis=1)
    confusion = weights @ np.eye(count**2, dtype=np.float32)[pair]
    confusion = confusion.reshape(-1, count, count).astype(np.float64)
    exact = probabilities / probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    true_class = np.clip(exact[np.arange(n), labels], np.finfo(exact.dtype).eps, 1)
    found = {"loss": -(weights @ np.log(true_class)) / n}

    hits = np.diagonal(confusion, axis1=1, axis2=2)
    sizes, named = confusion.sum(axis=2), confusion.sum(axis=1)
    found["accuracy"] = hits.sum(axis=1) / n
    by_class = {
        "precision": hits / np.maximum(named, 1),  # no image so named: precision 0
        "recall": hits / sizes,
        "f1": 2 * hits / (sizes + named),
    }
    for kind, values in by_class.items():
        found[f"macro_{kind}"] = values.mean(axis=1)
        found[f"weighted_{kind}"] = (values * sizes).sum(axis=1) / n
        found |= {f"{kind}/{name}": values[:, k] for k, name in enumerate(classes)}

    for k, name in enumerate(classes):
        own, scores = labels == k, probabilities[:, k]
        wins = _wins(scores[own], scores[~own])
        found[f"auc/{name}"] = _bilinear(weights[:, own], wins, weights[:, ~own]) / wins.size
    found["auc/macro"] = np.mean([found[f"auc/{name}"] for name in classes], axis=0)
    decisions = _wins(probabilities[np.arange(n), labels], probabilities.ravel())
    decisions = decisions.reshape(n, n, count)
    decisions[:, np.arange(n), labels] = 0  # a pair needs one decision that is false
    micro = _bilinear(weights, decisions.sum(axis=2), weights)
    found["auc/micro"] = micro / (n * n * (count - 1))
    return found


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of a metric's resamples (Efron and Tibshirani 1993, ch. 13)."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _wins(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """1 where an own score exceeds another's, 1/2 where they tie: float32 (own, others)."""
    difference = own[:, None] - others[None, :]
    return (difference > 0).astype(np.float32) + (difference == 0) * np.float32(0.5)


def _bilinear(left: np.ndarray, form: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.einsum("bj,bj->b", left @ form, right, dtype=np.float64)
