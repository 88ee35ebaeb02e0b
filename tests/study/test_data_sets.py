"""The registry of data sets: MedMNIST's own facts, and what the book knows besides."""

import pytest

from helpers.study import data_sets
from helpers.study.errors import InputError


def test_each_flat_set_with_one_label_is_there():
    flat = {name for name in data_sets.INFO if not name.endswith("3d")}
    assert set(data_sets.names()) == flat - {"chestmnist"}


@pytest.mark.parametrize("name", data_sets.names())
def test_an_entry_is_medmnists_and_its_short_names_are_distinct(name):
    entry, info = data_sets.get(name), data_sets.INFO[name]
    assert len(set(entry.classes)) == len(info["label"])
    assert entry.channels == info["n_channels"]
    assert entry.md5[64] == info["MD5_64"]
    for short in entry.classes:
        assert short.replace("-", "").isalnum()
        assert data_sets.class_title(short)


def test_octmnist_has_clinicians_names_and_urgencies():
    entry = data_sets.get("octmnist")
    assert entry.classes == ("cnv", "dme", "drusen", "normal")
    assert data_sets.class_title("cnv") == "CNV"
    assert set(entry.urgency) == set(entry.classes)
    assert set(entry.urgency.values()) == set(data_sets.URGENCY_LEVELS)
    assert entry.train_counts == (33_484, 10_213, 7_754, 46_026)
    assert sum(entry.train_counts) == entry.samples["train"]
    assert data_sets.audited() is entry
    assert data_sets.imitated() == entry.name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("chestmnist", "several labels"),
        ("organmnist3d", "volumes"),
        ("octmnis", "did you mean 'octmnist'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_with_the_reason(name, reason):
    with pytest.raises(InputError, match=reason) as error:
        data_sets.get(name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_what_others_measured_on_octmnist():
    """The ranges of MedMNIST+'s table and of MedMNIST's and MedViT's own, in per cent."""
    trained, frozen = (
        [round(100 * end) for end in data_sets.published_range(kind)] for kind in (False, True)
    )
    assert (trained, frozen) == ([60, 78], [26, 63])
    full_size = data_sets.audited().at_full_size
    assert [p.accuracy for p in full_size] == [0.966, 0.934]
    assert {p.key for p in full_size} == {"kermany"}
    assert {p.title for p in data_sets.audited().published} >= {"ResNet-18", "ResNet-18, frozen"}
