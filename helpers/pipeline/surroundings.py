"""The environment that the programs of a run are given: the user's own settings change nothing."""

import os

from helpers.data.files import CACHE_VARIABLE
from helpers.study import runs

# What begins so is the user's settings of a program, or of the shell, that would change results,
# figures, kernels or the order of jobs.
FOREIGN = (
    "PYTHON",
    "JUPYTER",
    "IPYTHON",
    "PAPERMILL",
    "NBCLIENT",
    "SNAKEMAKE",
    "MPL",
    "MATPLOTLIB",
    "KERAS_BACKEND",
    "JAX_",
    "TF_",
    "XLA_",
    "ONEDNN_",
    "DNNL_",
    "GIT_",
    "SPHINX",
    "BASH_",
    "CDPATH",
    "ENV",
    "SHELLOPTS",
    "LC_",
    "LANG",
    "MAKE",
    "MFLAGS",
)
# What says where a computer keeps things and how it shares them, and changes no result.
KEPT = ("TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_CUDNN_WORKSPACE_LIMIT_IN_MB")
# A GPU's memory is taken as it is needed, since chapters may run networks beside one another.
UNLESS_SET = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
OWN = {
    "PYTHONUTF8": "1",  # texts are UTF-8, whatever the locale
    "PYTHONNOUSERSITE": "1",
    "PYTHONHASHSEED": "0",
    "LC_ALL": "C",
    "NO_COLOR": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # glibc hands freed memory back to the kernel after every batch and faults it in again, which
    # took a twentieth of an epoch's time on one machine and half of it on another.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "67108864",
}
# Where programs look for settings and keep caches that have nothing to do with a run.
FOLDERS = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "MPLCONFIGDIR",
    "NUMBA_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)


def handed_on() -> list[str]:
    """Names of this process's variables that jobs need on another machine too.

    A cluster that starts its jobs in an environment of its own, as Kubernetes does, is handed them
    by Snakemake.
    """
    return sorted({*KEPT, *OWN, *FOLDERS, CACHE_VARIABLE} & set(os.environ))


def plain() -> dict[str, str]:
    """This process's environment without the user's settings of the programs that a run calls.

    What they cache goes to `runs/.programs`, so that the home folder need not be writable.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not name.startswith(FOREIGN)
    }
    folders = {name: str(runs.PROGRAMS / name.lower()) for name in FOLDERS}
    return UNLESS_SET | inherited | OWN | folders
