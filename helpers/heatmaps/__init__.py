"""Heatmaps: drawn by ten methods, and judged.

- `probe`: a model's compiled functions, which the methods ask.
- `methods`: ten attribution methods with one signature.
- `maps`: what is done to maps, whichever method drew them, and what they show in numbers.
- `localization`: does a map find the lesion?
- `faithfulness`: does it tell what the model uses?
- `similarity`: how alike do maps stay when something changes?
- `randomization`: models whose weights are drawn anew.
- `judgement`: intervals of few images, paired margins, and three verdicts.
- `controls`: which models are on trial, and those trained beside them where truth is known.
- `trial`: every method of a model by every criterion.
- `rows`: what a trial found, and its verdicts.
- `artifacts`: what the trial's job keeps and chapters read.
- `results`: what heatmaps a run has, read where they are there, else made.

Only those that ask a model load TensorFlow: `probe`, `methods`, `randomization`, `trial`.
"""

__all__ = [
    "artifacts",
    "controls",
    "faithfulness",
    "judgement",
    "localization",
    "maps",
    "methods",
    "probe",
    "randomization",
    "results",
    "rows",
    "similarity",
    "trial",
]
