"""The registry of architectures: every entry is whole, and its names mean what they say."""

import dataclasses
import re

import pytest

from helpers.study import architectures
from helpers.study.settings import BLOCKS, REPOSITORY, names


def test_every_entry_is_whole():
    entries = [architectures.get(name) for name in architectures.names()]
    assert len({entry.colour for entry in entries}) == len(entries)
    for entry in entries:
        assert callable(entry.builder())
        assert (REPOSITORY / "book" / f"{entry.chapter}.ipynb").exists()
        assert set(entry.blocks) <= set(BLOCKS)
        assert set(entry.counted_by) <= set(names())
        assert re.fullmatch("#[0-9A-F]{6}", entry.colour)
        assert entry.variant_of in (None, *architectures.names())


def test_the_report_has_two_models():
    assert [entry.name for entry in architectures.reported()] == ["custom-cnn", "resnet50"]


def test_a_chapter_knows_its_models():
    assert architectures.trained_in("03-resnet50") == ("resnet50", "resnet50-caffe")
    assert architectures.trained_in("01-data") == ()


def test_a_name_is_registered_once():
    entry = architectures.get(architectures.names()[0])
    with pytest.raises(ValueError, match="registered twice"):
        architectures.register(dataclasses.replace(entry, title="another"))


def test_a_title_begins_a_sentence():
    assert architectures.get("custom-cnn").sentence_title == "The custom CNN"
