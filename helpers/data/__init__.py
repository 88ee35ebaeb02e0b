"""Where images come from, what is known of them, and which of them occur twice.

- `phantom`: synthetic scans with the true lesion of each.
- `unpacked`: large arrays of an archive, read by memory map.
- `files`: MedMNIST-format files, checked, and MedMNIST's own, downloaded and verified.
- `dataset`: three splits of images with labels, whatever their source.
- `folders`: class folders of images, split by patient and read.
- `duplicates`: images that occur more than once, within and across splits.
- `patients`: images of one patient, as far as that is known.
- `scans`: the widths of the scans behind images, and images of another width.
"""

__all__ = ["dataset", "duplicates", "files", "folders", "patients", "phantom", "scans", "unpacked"]
