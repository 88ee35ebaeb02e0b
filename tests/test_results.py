"""Every recorded run: what it tells follows from the predictions that it keeps."""

import re

import numpy as np
import pytest
from sklearn import metrics as sk

from helpers.evaluation.seeds import FEWEST
from helpers.models import trainings
from helpers.pages import first_page
from helpers.pages import study as studies
from helpers.pipeline.record import LARGEST
from helpers.study import runs
from helpers.study.runs import Run, read_json
from helpers.study.settings import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
RECORDS = sorted(path.parent for path in studies.RECORDS.glob("*/record.json"))


@pytest.fixture(scope="module", params=RECORDS, ids=lambda folder: folder.name)
def record(request):
    run = Run(request.param, is_recorded=True)
    return studies.described(run)


def expected(probabilities, labels, classes):
    """scikit-learn's value of every metric that metrics.json names."""
    places, predicted = range(len(classes)), probabilities.argmax(axis=1)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    is_true = np.eye(len(classes))[labels]
    values = {"accuracy": sk.accuracy_score(labels, predicted)}
    scores = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    for name, score in scores.items():
        given = {"labels": places, "zero_division": 0}
        for average in ("macro", "weighted"):
            values[f"{average}_{name}"] = score(labels, predicted, average=average, **given)
        by_class = score(labels, predicted, average=None, **given)
        values |= {f"{name}/{c}": v for c, v in zip(classes, by_class, strict=True)}
    areas = sk.roc_auc_score(is_true, probabilities, average=None)
    values |= {f"auc/{c}": area for c, area in zip(classes, areas, strict=True)}
    values["auc/macro"] = areas.mean()
    values["auc/micro"] = sk.roc_auc_score(is_true.ravel(), probabilities.ravel())
    # Keras clips at 1e-7 and so does this book.
    values["loss"] = -np.log(np.clip(exact[np.arange(len(labels)), labels], 1e-7, 1)).mean()
    return values


def test_every_metric_is_that_of_the_predictions(record):
    told = read_json(record.run.metrics)
    for trained in record.trainings:
        metrics = told[trained.model][str(trained.seed)]
        predictions = trained.predictions
        asked = predictions.test_probabilities, predictions.test_labels, record.dataset.classes
        values = expected(*asked)
        assert metrics.keys() == values.keys()
        for name, value in values.items():
            assert metrics[name]["value"] == pytest.approx(value, abs=1e-6), name


def test_it_holds_five_seeds_of_each_model_made_by_committed_code(record):
    assert len(record.settings.seeds) >= FEWEST
    assert {t.model for t in record.trainings} == set(record.settings.models)
    for trained in record.trainings:
        assert re.fullmatch("[0-9a-f]{7,40}", trained.provenance["commit"])
        assert trained.provenance["data_fingerprint"] == record.facts["data_fingerprint"]
        np.testing.assert_array_equal(
            trained.predictions.test_labels, record.trainings[0].predictions.test_labels
        )
        assert len(trained.predictions.test_labels) == record.counts["test"]


def test_the_repository_keeps_a_run_on_real_scans():
    assert studies.recorded() is not None


def test_the_readme_tells_what_the_record_shown_gives():
    shown, text = studies.recorded(), " ".join(README.split())
    assert f"{first_page.accuracies(shown)}.".replace("\xa0", " ") in text
    assert f"recorded on {shown.date}" in text


def test_it_is_whole_small_and_without_images_models_and_paths(record):
    files = [path for path in record.run.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < LARGEST
    assert {path.suffix for path in files} <= {".json", ".npz", ".csv", ".md"}
    for path in files:
        assert not re.search(rb"/(home|root|tmp|work|Users)/", path.read_bytes()), path
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                assert all(array.ndim <= 2 for array in arrays.values())
    for artifact in record.run.results:
        assert runs.is_whole(artifact)
    for trained in record.trainings:
        assert trainings.is_whole(trained.folder, trained.provenance["key"])
