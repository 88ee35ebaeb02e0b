"""Class folders of images: splits by patient, and images as MedMNIST has them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.data import folders
from helpers.data.folders import Scan
from helpers.study import data_sets
from helpers.study.errors import InputError

OCT = data_sets.get("octmnist")
CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")


def draw(path, size=(40, 30), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(path)


def kermany(root, splits, patients=10, images=2):
    """Kermany's layout, each patient with so many images of one class."""
    for place, split in enumerate(splits):
        for label, name in enumerate(CLASSES):
            for patient in range(patients):
                number = 1000 * (place * len(CLASSES) + label) + patient
                for image in range(images):
                    draw(root / split / name / f"{name}-{number}-{image}.jpeg")


def patients(scans):
    return {scan.patient for scan in scans}


def test_the_splits_of_a_release_are_kept_and_validation_is_taken_by_patient(tmp_path):
    kermany(tmp_path, ["train", "test"])
    found = folders.find(tmp_path, OCT)
    assert list(found) == ["train", "val", "test"]
    assert [len(scans) for scans in found.values()] == [72, 8, 80]
    assert not folders.shared_patients(found["train"], found["val"])
    assert {scan.path.parents[1].name for scan in found["test"]} == {"test"}
    assert found == folders.find(tmp_path, OCT)
    assert found["val"] != folders.find(tmp_path, OCT, seed=1)["val"]


def test_a_release_with_validation_is_taken_as_it_is_also_one_folder_down(tmp_path):
    kermany(tmp_path / "OCT2017 ", ["Train", "valid", "test"])
    assert {split: len(s) for split, s in folders.find(tmp_path, OCT).items()} == {
        "train": 80,
        "val": 80,
        "test": 80,
    }


def test_classes_without_splits_are_split_by_patient(tmp_path):
    kermany(tmp_path, ["."])
    found = folders.find(tmp_path, OCT)
    assert [len(scans) for scans in found.values()] == [64, 8, 8]
    known = [patients(scans) for scans in found.values()]
    assert len(set.union(*known)) == sum(map(len, known))


def test_folders_are_named_as_classes_or_labels_whatever_their_case(tmp_path):
    for name in ("Normal", "pneumonia"):
        for number in range(4):
            draw(tmp_path / "Lunge über (1)" / name / f"Bild {number} ä.PNG")
    draw(tmp_path / "Lunge über (1)" / "Normal" / "._Bild 0 ä.PNG")
    found = folders.find(tmp_path, data_sets.get("pneumoniamnist"))
    assert [len(scans) for scans in found.values()] == [4, 2, 2]
    assert patients(found["train"]) == {None}


def test_parts_share_no_patient_whatever_the_classes():
    rng = np.random.default_rng(0)
    scans = [
        Scan(Path(f"{place}.jpeg"), int(label), str(patient))
        for place, (label, patient) in enumerate(
            zip(
                rng.choice(4, 2000, p=[0.4, 0.1, 0.05, 0.45]),
                rng.integers(300, size=2000),
                strict=True,
            )
        )
    ]
    most, part = folders.apart(scans, 0.1, seed=0)
    assert not folders.shared_patients(most, part)
    assert len(most) + len(part) == 2000
    for label in range(4):
        of_class = [sum(scan.label == label for scan in scans) for scans in (part, most)]
        assert of_class[0] / sum(of_class) >= 0.095
    assert len(part) < 500


def test_the_middle_square_is_resized_as_medmnist_does(tmp_path):
    columns = np.tile(np.arange(100, dtype=np.uint8), (60, 1))
    Image.fromarray(columns).save(tmp_path / "a.png")
    picture = folders.read(tmp_path / "a.png", 28, channels=1)
    square = Image.fromarray(columns[:, 20:80]).resize((28, 28), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(picture.image, np.asarray(square))
    assert (picture.width, picture.height) == (100, 60)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "1"])
def test_every_kind_of_image_becomes_grey_or_colour(tmp_path, mode):
    draw(tmp_path / "a.tiff", mode=mode)
    assert folders.read(tmp_path / "a.tiff", 28, 1).image.shape == (28, 28)
    assert folders.read(tmp_path / "a.tiff", 28, 3).image.shape == (28, 28, 3)


def test_sixteen_bits_are_brought_to_eight(tmp_path):
    Image.fromarray(np.full((30, 30), 40_000, np.uint16)).save(tmp_path / "a.png")
    assert set(folders.read(tmp_path / "a.png", 28, 1).image.flat) == {40_000 >> 8}


def test_exif_turns_an_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("L", (60, 40)).save(tmp_path / "a.jpeg", exif=exif)
    picture = folders.read(tmp_path / "a.jpeg", 28, 1)
    assert (picture.width, picture.height) == (40, 60)


def cut(path):
    Image.fromarray(np.random.default_rng(0).integers(256, size=(60, 60), dtype=np.uint8)).save(
        path
    )
    path.write_bytes(path.read_bytes()[:1000])


def bomb(path):
    with path.open("wb") as file:
        file.write(b"BM" + bytes(12) + (40).to_bytes(4, "little"))
        file.write((60_000).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<html>"),
        cut,
        lambda path: Image.fromarray(np.zeros((30, 30), np.float32)).save(path, "TIFF"),
        bomb,
    ],
    ids=["empty", "html", "cut", "floats", "bomb"],
)
def test_what_is_no_whole_image_is_refused(tmp_path, write):
    write(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: no image that can be read"):
        folders.read(tmp_path / "a.png", 28, 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.mkdir(), "no image of .* is left for train"),
        (lambda root: kermany(root, ["train", "test"], patients=1), "of several patients"),
        (lambda root: draw(root / "train" / "FOO" / "a.png"), "FOO: no class of octmnist"),
        (lambda root: linked(root), "a link to a file outside"),
        (lambda root: piped(root), "no plain file"),
    ],
)
def test_folders_that_hold_no_data_set_are_named(tmp_path, make, words):
    make(tmp_path / "OCT2017")
    with pytest.raises(InputError, match=words) as error:
        folders.find(tmp_path / "OCT2017", OCT)
    assert str(error.value).isprintable()


def linked(root):
    draw(root.with_name("other.jpeg"))
    (root / "CNV").mkdir(parents=True)
    (root / "CNV" / "a.jpeg").symlink_to(root.with_name("other.jpeg"))


def piped(root):
    (root / "CNV").mkdir(parents=True)
    os.mkfifo(root / "CNV" / "a.jpeg")
