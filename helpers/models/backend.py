"""Keras as this book uses it, whatever `~/.keras/keras.json` and the environment say.

Every module takes Keras from here, before it imports a library that imports Keras by itself.
"""

import os
from typing import Any

from helpers.study.errors import InputError

# TensorFlow, but in a job that trains on another (`environment`).
BACKEND = os.environ["KERAS_BACKEND"]


def _configured() -> Any:
    """Keras, with its own defaults; InputError where it can't be had with the book's backend."""
    try:
        import keras
    except (ValueError, AttributeError) as error:  # that is how it reads its file
        raise InputError(
            f"Keras's own settings file (keras.json in ~/.keras or KERAS_HOME): {error}; mend it, "
            "or move it away"
        ) from None
    except ModuleNotFoundError as error:
        raise InputError(
            f"backend = {BACKEND}: {error.name} is not installed; install it "
            f"(.venv/bin/uv pip install --python .venv {BACKEND}), or train on tensorflow"
        ) from None
    if keras.config.backend() != BACKEND:
        raise InputError(
            f"Keras was loaded with its backend {keras.config.backend()} before the book, which "
            f"runs on {BACKEND}; restart the kernel and run the chapter first"
        )
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)
    return keras


keras = _configured()
