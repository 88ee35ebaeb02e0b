"""Weights files are looked into before anything is built."""

import os
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest

from helpers.models import weights
from helpers.study import architectures
from helpers.study.errors import InputError
from helpers.study.settings import load_settings

# As small as a base can be: one convolution of 3 x 3 x 3 to 4 channels with biases.
BASE = replace(architectures.get("resnet50").base, parameters=112)
KERNEL, BIAS = np.zeros((3, 3, 3, 4), np.float32), np.zeros(4, np.float32)


def legacy(file, layer="conv1_conv", kernel=KERNEL):
    file[f"{layer}/{layer}/kernel:0"] = kernel
    file[f"{layer}/{layer}/bias:0"] = BIAS


def keras_3(file):
    file["layers/conv2d/vars/0"] = KERNEL
    file["layers/conv2d/vars/1"] = BIAS


def whole_of_keras_2(file):
    legacy(file.create_group("model_weights"))
    file["optimizer_weights/momentum"] = KERNEL


def with_external_link(file):
    legacy(file)
    file["more"] = h5py.ExternalLink("/dev/zero", "x")


def with_soft_link(file):
    legacy(file)
    file["more"] = h5py.SoftLink("/conv1_conv")


def with_external_storage(file):
    file["conv1_conv/bias:0"] = BIAS
    file.create_dataset(
        "conv1_conv/kernel:0", KERNEL.shape, "f4", external=[("/dev/zero", 0, KERNEL.nbytes)]
    )


def with_virtual_array(file):
    file["conv1_conv/bias:0"] = BIAS
    layout = h5py.VirtualLayout(KERNEL.shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "kernel", KERNEL.shape)
    file.create_virtual_dataset("conv1_conv/kernel:0", layout)


def with_text(file):
    legacy(file)
    file["conv1_conv/name"] = "text"


def written(path, write):
    with h5py.File(path, "w") as file:
        write(file)
    return str(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [("old.h5", legacy), ("new.weights.h5", keras_3), ("whole.h5", whole_of_keras_2)],
)
def test_weights_of_each_format_that_keras_reads_pass(tmp_path, name, write):
    weights.check_file(written(tmp_path / name, write), BASE)


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("x.h5", keras_3, r"weights file of Keras 3; its name must end in \.weights\.h5"),
        ("x.weights.h5", legacy, "must not end in"),
        ("x.h5", lambda file: legacy(file, "res2a_branch2a"), r"v0\.2"),
        ("x.h5", lambda file: legacy(file, kernel=np.zeros((64, 3, 3, 3))), "filters first"),
        ("x.h5", lambda file: legacy(file, "block1_conv1", KERNEL[..., :3]), "layers block1_conv1"),
        ("x.h5", with_external_link, "links, which are never followed"),
        ("x.h5", with_soft_link, "links, which are never followed"),
        ("x.h5", with_external_storage, "lie in other files"),
        ("x.h5", with_virtual_array, "lie in other files"),
        ("x.h5", with_text, "no numbers"),
        ("x.h5", lambda file: None, "holds 0 numbers"),
    ],
)
def test_a_file_is_told_by_what_is_in_it(tmp_path, name, write, words):
    path = written(tmp_path / name, write)
    with pytest.raises(InputError, match=f"{words}.*choose imagenet .*random") as error:
        weights.check_file(path, BASE)
    assert path in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.write_bytes(b""), "an empty file"),
        (lambda path: path.write_bytes(b"no HDF5"), "no readable HDF5"),
        (lambda path: path.write_bytes(weights.HDF5 + b"\xff" * 500), "damaged HDF5"),
        (lambda path: path.write_bytes(b"PK\3\4"), "damaged archive"),
        (lambda path: path.mkdir(), "a folder"),
        (os.mkfifo, "a device or a pipe"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: archive_of(path, "archive/data.pkl"), "PyTorch"),
        (lambda path: archive_of(path, "config.json", "model.weights.h5"), "a whole model"),
        (lambda path: archive_of(path, "a.jpeg"), "a zip archive"),
    ],
)
def test_what_is_no_weights_file_is_told(tmp_path, make, words):
    path = tmp_path / "weights.h5"
    make(path)
    with pytest.raises(InputError, match=words):
        weights.check_file(str(path), BASE)


def archive_of(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")


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
