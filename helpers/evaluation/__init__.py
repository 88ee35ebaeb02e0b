"""How a number is computed, with its 95 % interval, from a model's predictions.

- `measures`: a value with its interval; Wilson's and the bootstrap's.
- `metrics`: every test metric of every training, and of every resample.
- `comparison`: paired tests between two models.
- `calibration`: whether a probability means what it says.
- `triage`: who has to be seen at once, where a data set knows what its classes ask for.
- `errors`: confident errors, agreement, doubtful labels, copies.
- `selective`: risk against coverage, and prediction sets.
- `shift`: what lies between validation and test.
- `acquisition`: how much another width of scans explains of that.
- `patients`: how much a split that parts patients adds to validation.
- `seeds`: means over seeds with both sources of chance, and where another seed would lie.

In all of them `probabilities` are float (n, classes), rows adding up to 1; `labels` int (n,), each
a place in `classes`, their short names; `resamples` float32 (resamples, n), as
`measures.draw_weights` gives them, stratified by label.
"""

__all__ = [
    "acquisition",
    "calibration",
    "comparison",
    "errors",
    "measures",
    "metrics",
    "patients",
    "seeds",
    "selective",
    "shift",
    "triage",
]
