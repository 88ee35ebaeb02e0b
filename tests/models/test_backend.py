"""Keras runs as the book has it, whatever its user's files and environment say."""

import json
import os
import subprocess
import sys

import pytest

from helpers.study.settings import REPOSITORY

ASKED = """
from helpers.models.backend import keras
print(keras.config.backend(), keras.config.image_data_format(), keras.config.floatx(),
      keras.config.epsilon(), keras.config.max_epochs(), keras.Input((3,)).dtype)
"""
OWN = "tensorflow channels_last float32 1e-07 None float32"


def asked(code, home, **environment):
    given = os.environ | {"HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=given, capture_output=True, text=True
    )


def test_keras_is_the_books_own_whatever_the_user_has_set(tmp_path):
    (tmp_path / ".keras").mkdir()
    theirs = {
        "backend": "theano",
        "image_data_format": "channels_first",
        "floatx": "float16",
        "epsilon": 0.1,
    }
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(theirs), encoding="utf-8")
    told = asked(ASKED, tmp_path, KERAS_BACKEND="torch", KERAS_MAX_EPOCHS="1")
    assert told.stdout.strip() == OWN, told.stderr


def test_a_settings_file_that_keras_refuses_is_named(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float8"}', encoding="utf-8")
    told = asked("from helpers.models import fit", tmp_path)
    last = told.stderr.strip().splitlines()[-1]
    assert "InputError: Keras's own settings file (keras.json" in last
    assert "move it away" in last


def test_another_backend_that_is_loaded_already_is_refused(monkeypatch):
    from helpers.models import backend
    from helpers.study.errors import InputError

    monkeypatch.setattr(backend.keras.config, "backend", lambda: "jax")
    with pytest.raises(InputError, match="its backend jax before the book"):
        backend._configured()
