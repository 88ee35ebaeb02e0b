"""How models are built and trained, and what a training leaves.

- `backend`: Keras, with the settings that the book has it run with.
- `weights`: files of pretrained weights, checked before anything is built.
- `networks`: the architectures as flat graphs from raw pixels to probabilities.
- `augmentation`: when and how training images are varied, and how classes are weighted.
- `trainings`: what a training leaves, under which key, and how later steps get at it.
- `batch_norm`: whether a head's moving mean keeps up with what it stands for.
- `batches`: what an epoch trains on.
- `checkpoints`: what a training that was killed needs to go on.
- `devices`: several GPUs of one machine.
- `features`: a frozen base's features, computed once and kept.
- `fit`: fitting a model, and keeping what came out.
- `cost`: how long a training will take here.
"""

__all__ = [
    "augmentation",
    "backend",
    "batch_norm",
    "batches",
    "checkpoints",
    "cost",
    "devices",
    "features",
    "fit",
    "networks",
    "trainings",
    "weights",
]
