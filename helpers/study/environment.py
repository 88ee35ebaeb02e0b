"""The user's own settings of the book's libraries, which must change nothing that the book makes.

`helpers` calls this before any of its modules imports anything else.
"""

import os
import sys

INLINE, FILES_ONLY = "module://matplotlib_inline.backend_inline", "agg"
# Whoever exports this has the book's models trained on JAX; any other backend counts for nothing.
OF_THE_USER = {"backend": "jax"} if os.environ.get("KERAS_BACKEND") == "jax" else {}
# How many cores TensorFlow cuts an operation up among, and what NumPy and scikit-learn call.
CORES_OF_TENSORFLOW = "TF_NUM_INTRAOP_THREADS"
CORES = (CORES_OF_TENSORFLOW, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What Keras and Matplotlib read when they are imported; None stands for no such variable.
VARIABLES = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "KERAS_NNX_ENABLED": None,
    "TF_USE_LEGACY_KERAS": None,
    "MATPLOTLIBRC": None,
}


def set_own() -> None:
    """Give this process, and those that it starts, the book's values of these variables."""
    figures = INLINE if _is_notebook() else FILES_ONLY
    for name, value in (VARIABLES | {"MPLBACKEND": figures}).items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def use_backend(name: str) -> None:
    """Have this process load Keras, which it hasn't yet, with another backend."""
    os.environ["KERAS_BACKEND"] = name


def _is_notebook() -> bool:
    interactive = sys.modules.get("IPython")  # which is there wherever a kernel is
    return hasattr(interactive and interactive.get_ipython(), "kernel")
