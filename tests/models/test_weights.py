"""Weights files are looked into before anything is built."""

import h5py
import numpy as np
import pytest

from helpers.models import weights
from helpers.study import architectures
from helpers.study.errors import InputError
from helpers.study.settings import load_settings

BASE = architectures.get("resnet50").base


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = np.zeros(10)
    with pytest.raises(InputError, match=r"imagenet .*random") as error:
        weights.check_file(str(path), BASE)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("content", [None, b"no HDF5"])
def test_weights_that_cannot_be_read_are_refused(tmp_path, content):
    path = tmp_path / "bad.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match="no readable HDF5"):
        weights.check_file(str(path), BASE)


def test_a_run_without_a_frozen_base_needs_no_weights(tmp_path):
    missing = str(tmp_path / "none.h5")
    weights.check(load_settings("demo", "models=custom-cnn", weights=missing))
    with pytest.raises(InputError, match=r"none\.h5"):
        weights.check(load_settings("demo", weights=missing))


def test_a_files_identity_is_its_content(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (weights.identity(str(tmp_path / name)) for name in "abc")
    assert a == b != c
    assert weights.identity("random") == "random"
