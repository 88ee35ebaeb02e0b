"""Which images are of one patient, as far as that is known."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from helpers.data import duplicates, scans
from helpers.data.dataset import Dataset
from helpers.data.scans import UNKNOWN


def groups(dataset: Dataset) -> np.ndarray | None:
    """The `related` images of training and validation, in this order: int (n,).

    None where no patient is known (`scans.source_patients`).
    """
    patients = scans.source_patients(dataset)
    if patients is None:
        return None
    pool = dataset.train, dataset.val
    small = np.concatenate([duplicates.averaged_down(split.images) for split in pool])
    copies = duplicates.near_duplicate_groups(small, duplicates.NEAR_DUPLICATE_CORRELATION)
    return related(np.concatenate([patients["train"], patients["val"]]), copies)


def related(patients: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Groups of images linked by a patient, a near copy or a chain of both: int (n,).

    patients : text (n,), `UNKNOWN` for an image whose patient links it to none.
    copies : int (n,), equal for near copies (`duplicates.groups`).
    """
    images = np.arange(len(patients))
    named = images[patients != UNKNOWN]
    _, copy = np.unique(copies, return_inverse=True)
    _, patient = np.unique(patients[named].astype(str), return_inverse=True)
    # A graph of images, then of copies, then of patients; an image is linked to its own.
    starts = np.concatenate([images, named])
    ends = len(images) + np.concatenate([copy, copy.max() + 1 + patient])
    graph = coo_array((np.ones(len(starts), bool), (starts, ends)), shape=2 * [ends.max() + 1])
    return connected_components(graph, directed=False)[1][images]
