"""Frozen features: those of the model, kept, and extracted anew where their file is damaged."""

import shutil

import numpy as np

from helpers.models import features, networks
from helpers.study.runs import Run


def test_frozen_features_are_those_of_the_model(trainings, run, small, dataset):
    kept = features.load_or_extract(run, small, dataset, "resnet50")
    base = networks.features_of(trainings[1].load_model())
    expected = base.predict(dataset.val.images, verbose=0)
    np.testing.assert_allclose(kept["val"], expected, atol=1e-4)
    assert kept["train"].shape == (1, len(dataset.train), 2048)


def test_damaged_features_are_extracted_anew(trainings, run, small, dataset, tmp_path):
    copied = Run(tmp_path)
    shutil.copytree(run.features("resnet50"), copied.features("resnet50"))
    before = features.load_or_extract(copied, small, dataset, "resnet50")
    path = copied.features("resnet50") / "features.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    after = features.load_or_extract(copied, small, dataset, "resnet50")
    for name, expected in before.items():
        np.testing.assert_array_equal(expected, after[name])
