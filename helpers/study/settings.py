"""A run's settings: a profile from `profiles/`, the caller's overrides, and their validation.

Users type flat names (`epochs=3`); in code the settings lie in blocks, and a function is given the
block that it reads.
"""

import difflib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from helpers.study import architectures, data_sets
from helpers.study.errors import InputError
from helpers.study.texts import read_yaml

REPOSITORY = Path(__file__).resolve().parents[2]
# The profile that a run has by default, and the one that says what the report did.
DEFAULT_PROFILE, PROTOCOL = "demo", "paper"
PROFILES = REPOSITORY / "profiles"
MOST_SEEDS = 100  # of a range
BASED_ON = "based_on"  # in a profile: the one whose settings it changes

Probability = Annotated[float, Field(ge=0, lt=1)]
# TensorFlow counts in 32 bits; larger layers and phantoms than these fit no machine.
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Width = Annotated[int, Field(ge=1, le=2**14)]
Images = Annotated[int, Field(ge=1, le=100_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [part.strip() for part in value.strip("[]").split(",")]
    return [value] if isinstance(value, int) else value


def _ranged(value: Any) -> Any:
    """Seeds as they are listed, "0-4" being all from 0 to 4."""
    listed = []
    for part in _split(value) if isinstance(value, (str, int)) else value:
        first, dash, last = str(part).partition("-")
        if not (dash and first.isdecimal() and last.isdecimal()):
            listed.append(part)
        elif not 0 < int(last) - int(first) < MOST_SEEDS:
            raise ValueError(f"{part} is no range of 2 to {MOST_SEEDS} seeds, such as 0-4")
        else:
            listed += range(int(first), int(last) + 1)
    return listed


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:  # an unknown user, a loop of links
        raise ValueError(f"no path that can be followed ({error}); write it in full") from None


def _resolved(value: str) -> str:
    return value if value in ("imagenet", "random") else str(_absolute(Path(value)))


Listed = BeforeValidator(_split)
# What weights may be: `imagenet`, `random` or the path of a file.
Weights = Annotated[str, AfterValidator(_resolved)]


class Block(BaseModel, extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False):
    """Settings that belong together."""


class Data(Block):
    """Which images a run is about."""

    source: Literal["phantom", "file", "medmnist"]
    data_set: Annotated[str, AfterValidator(lambda name: data_sets.get(name).name)]
    # Height and width in pixels; None for a file, which has its own.
    image_size: Annotated[Literal[data_sets.SIZES], BeforeValidator(_whole)] | None
    data_path: Annotated[Path, AfterValidator(_absolute)] | None
    phantom_images: Annotated[tuple[Images, Images, Images], Listed]
    phantom_seed: Seed

    @property
    def is_embedded(self) -> bool:
        """Whether the images come with the book."""
        return self.source == "phantom"


class Augmentation(Block):
    """How training images are varied (the report's section 2.1), and when."""

    when: Literal["auto", "on", "off"] = Field(alias="augmentation")
    imbalance_ratio: Annotated[float, Field(ge=1)]
    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    shift: Probability
    zoom: Probability
    horizontal_flip: bool


class Convolutions(Block):
    """The custom CNN's body (the report's section 2.2.1)."""

    convolution_filters: Annotated[tuple[Width, Width, Width, Width], Listed]
    convolution_dropout: Probability
    pooling_dropout: Probability


class Base(Block):
    """A frozen base and what stands before it (the report's section 2.2.2)."""

    adapter: Literal["learned", "replicate"]
    upsample_to: Annotated[int, Field(ge=32, le=448)]
    weights: Weights
    cached_views: Count


class Head(Block):
    """The dense layers on the pooled features."""

    dense_units: Annotated[tuple[Width, Width], Listed]
    dense_dropout: Annotated[tuple[Probability, Probability], Listed]


class Training(Block):
    """How a model is fitted (the report's section 2.3)."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    batch_size: Count
    devices: Count
    backend: Literal["tensorflow", "jax"]
    epochs: Count
    class_weights: Literal["balanced", "none"]
    early_stopping_patience: Count
    plateau_factor: Annotated[float, Field(gt=0, lt=1)]
    plateau_patience: Count


class OfModel(Block):
    """What one model has unlike the others: `learning_rate_<model>`, `weights_<model>`."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    weights: Weights | None = None


class Heatmaps(Block):
    """How many images go on trial, and what a method may spend on each."""

    explained_images: Annotated[int, Field(ge=4)]
    evaluations: Count


class Settings(BaseModel, extra="forbid", frozen=True):
    """Everything that determines a run. Each value in `profiles/paper.yaml` is the report's."""

    profile: str
    models: Annotated[tuple[str, ...], Listed, Field(min_length=1)]
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_ranged), Field(min_length=1)]
    data: Data
    augmentation: Augmentation
    convolutions: Convolutions
    base: Base
    head: Head
    training: Training
    heatmaps: Heatmaps
    of_model: dict[str, OfModel] = {}

    @pydantic.field_validator("seeds", "models")
    @classmethod
    def _must_differ(cls, value: tuple) -> tuple:
        if len(set(value)) < len(value):
            raise ValueError("names something twice")
        return value

    @pydantic.field_validator("models")
    @classmethod
    def _must_be_registered(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in architectures.names():
                raise ValueError(f"not allowed. {_nearest(name, architectures.names())}")
        return value

    @pydantic.model_validator(mode="after")
    def _check_together(self) -> Self:
        data, profile, is_file = self.data, f"profile {self.profile}", self.data.source == "file"
        if is_file and data.data_path is None:
            raise ValueError(
                f"{profile} reads a MedMNIST-format file: name it with data_path (make: DATA=)"
            )
        if is_file and data.image_size:
            raise ValueError(
                "image_size goes with MedMNIST's own files and the phantom; a file has its own size"
            )
        if data.data_path and not is_file:
            raise ValueError(f"data_path goes with {_readers('file')}; {profile} has its own data")
        if data.image_size is None and not is_file:
            raise ValueError(f"image_size must be one of {', '.join(map(str, data_sets.SIZES))}")
        if data.is_embedded and data.data_set != data_sets.imitated():
            raise ValueError(
                f"data_set {data.data_set} goes with {_readers('file', 'medmnist')}; the phantom "
                f"of {profile} imitates {data_sets.imitated()}"
            )
        training = self.training
        if training.batch_size % training.devices:
            raise ValueError(
                f"batch_size {training.batch_size} can't be divided among {training.devices} "
                "devices; make it a multiple of devices"
            )
        if training.devices > 1 and training.backend != "tensorflow":
            raise ValueError(
                f"devices = {training.devices} goes with backend tensorflow; Keras on "
                f"{training.backend} takes no batch that can't be divided evenly, as an epoch's "
                "last one"
            )
        return self

    @property
    def first_seed(self) -> int:
        """The seed whose figures the pages show."""
        return self.seeds[0]

    def learning_rate(self, model: str) -> float:
        """Of a model's optimizer: as set for it, or for what it is a variant of, or its own."""
        return self._unlike_others(model, "learning_rate") or architectures.get(model).learning_rate

    def weights(self, model: str) -> str:
        """Of a model's frozen base: `imagenet`, `random` or the path of a file."""
        return self._unlike_others(model, "weights") or self.base.weights

    def _unlike_others(self, model: str, name: str) -> Any:
        named = self.of_model.get(model), self.of_model.get(architectures.get(model).variant_of)
        return next(filter(None, (getattr(settings, name, None) for settings in named)), None)

    def features_are_fixed(self, model: str) -> bool:
        """Whether nothing before a model's pooled features is trained, so that they can be cached.

        A base that is fed as its weights expect never has a learned convolution before it, whose
        first values would be others.
        """
        base = architectures.get(model).base
        return base is not None and (self.base.adapter == "replicate" or base.pixels != "unit")

    def has_random_base(self, model: str) -> bool:
        """Whether a model stands on a base that was never trained."""
        return architectures.get(model).base is not None and self.weights(model) == "random"

    def is_on_trial(self, model: str) -> bool:
        """Whether a model's heatmaps can be judged: none of a variant, nor on a random base."""
        return not architectures.get(model).variant_of and not self.has_random_base(model)

    def determining(self, model: str) -> dict[str, Any]:
        """The settings that determine how `model` is trained on given data, as JSON values."""
        entry = architectures.get(model)
        values = {"learning_rate": self.learning_rate(model)}
        for block in ("training", "augmentation", *entry.blocks):
            values |= getattr(self, block).model_dump(mode="json", by_alias=True)
        return values | ({"weights": self.weights(model)} if entry.base else {})

    def flat(self) -> dict[str, Any]:
        """Every setting by the name that users type, as JSON values."""
        values: dict[str, Any] = {}
        dumped = self.model_dump(mode="json", by_alias=True, exclude={"of_model"})
        for name, value in dumped.items():
            values |= value if isinstance(value, dict) else {name: value}
        for name, (model, setting) in _of_models().items():
            if setting == "learning_rate":
                values[name] = self.learning_rate(model)
            elif weights := self._unlike_others(model, setting):
                values[name] = weights
        return values

    def told(self) -> dict[str, Any]:
        """As `flat`, for others to read: of a file its name, and no folder of this machine."""
        is_path = {name: Path(str(value)).is_absolute() for name, value in self.flat().items()}
        return {
            name: Path(value).name if is_path[name] else value
            for name, value in self.flat().items()
        }


BLOCKS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Block)
}
# The block in which each name that users type lies, but for those of one model.
BLOCK_OF = {
    field.alias or name: block
    for block, kind in BLOCKS.items()
    for name, field in kind.model_fields.items()
}


def _of_models() -> dict[str, tuple[str, str]]:
    """The settings of one model by the name that users type: the model, and the setting."""
    return {
        f"{setting}_{entry.setting_suffix}": (entry.name, setting)
        for entry in map(architectures.get, architectures.names())
        for setting in OfModel.model_fields
        if setting != "weights" or entry.base
    }


def names() -> tuple[str, ...]:
    """The names of all settings, as users type them."""
    return ("models", "seeds", *BLOCK_OF, *_of_models())


def profile_names() -> list[str]:
    return sorted(path.stem for path in PROFILES.glob("*.yaml") if path.is_file())


def _readers(*sources: str) -> str:
    readers = [name for name in profile_names() if _read_profile(name).get("source") in sources]
    return f"profile {' or '.join(readers)}"


def load_settings(
    profile: str = DEFAULT_PROFILE, overrides: str | None = None, **parameters: Any
) -> Settings:
    """Read a profile and lay the caller's parameters over it.

    `overrides` has further settings as "name=value name=value"; a parameter of None leaves the
    profile's value. An unknown profile, setting or value is an InputError with what is allowed.
    """
    values = _read_profile(profile)
    given = {name: value for name, value in parameters.items() if value is not None}
    given |= _parse_overrides(overrides)
    for name in given:
        if name not in names():
            raise InputError(f"unknown setting {name!r}: {_nearest(name, names())}")
    given = {name: _as_typed(f"setting {name}", value) for name, value in given.items()}
    try:
        return Settings(profile=profile, **_in_blocks(values | given))
    except pydantic.ValidationError as error:
        raise InputError(_first_problem(error, profile, given)) from None


def restored(told: dict[str, Any]) -> Settings:
    """The settings that `Settings.told` tells; one that it lacks is the profile's."""
    known = {name: value for name, value in told.items() if name in names()}
    return load_settings(told["profile"], **known)


def differences(settings: Settings, other: Settings) -> dict[str, tuple[Any, Any]]:
    """The settings by name, as JSON values, in which the first differ from the second.

    Those that no model of the first reads, and where its images come from, are left out.
    """
    of_entries = [architectures.get(model).blocks for model in settings.models]
    blocks = {"augmentation", "training", "heatmaps"}.union(*of_entries)
    read = {name for name, block in BLOCK_OF.items() if block in blocks} | {"models"}
    if not any(map(settings.features_are_fixed, settings.models)):
        read.discard("cached_views")
    read |= {name for name, (model, _) in _of_models().items() if model in settings.models}
    # Where a model has no weights of its own, it has those of all.
    theirs = {
        name: other.weights(model) for name, (model, _) in _of_models().items()
    } | other.flat()
    pairs = {name: (value, theirs.get(name)) for name, value in settings.flat().items()}
    return {name: pair for name, pair in pairs.items() if name in read and pair[0] != pair[1]}


def _in_blocks(values: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {block: {} for block in (*BLOCKS, "of_model")}
    for name, value in values.items():
        value = None if isinstance(value, str) and value in ("", "~", "null", "None") else value
        if name in BLOCK_OF:
            nested[BLOCK_OF[name]][name] = value
        elif name in _of_models():
            model, setting = _of_models()[name]
            nested["of_model"].setdefault(model, {})[setting] = value
        else:
            nested[name] = value
    return nested


def _read_profile(profile: str, followed: tuple[str, ...] = ()) -> dict[str, Any]:
    if profile not in profile_names():
        where = f"{_path_of(followed[-1])}: based on an " if followed else ""
        nearest = _nearest(str(profile), profile_names())
        raise InputError(f"{where}unknown profile {profile!r}: {nearest}")
    path = _path_of(profile)
    if profile in followed:
        circle = " on ".join((*followed, profile))
        raise InputError(f"{path}: {circle} is based in a circle; mend {BASED_ON}")
    # As text, like what users type: YAML takes `off` for a truth value and 010 for eight.
    values = read_yaml(path, yaml.BaseLoader)
    if not isinstance(values, dict):
        raise InputError(f"{path}: must be settings, each as `name: value`")
    for name, value in values.items():
        if name not in (BASED_ON, *names()):
            raise InputError(f"{path}: unknown setting {name!r}: {_nearest(str(name), names())}")
        _as_typed(f"{path}: {name}", value)
    if BASED_ON not in values:
        return values
    return _read_profile(values.pop(BASED_ON), (*followed, profile)) | values


def _path_of(profile: str) -> Path:
    return PROFILES / f"{profile}.yaml"


def _as_typed(what: str, value: Any) -> Any:
    """A setting's value as it could be typed: a text, a number, or a list of these."""
    if isinstance(value, list | tuple):
        return [_scalar(what, part) for part in value]
    return _scalar(what, value)


def _scalar(what: str, value: Any) -> Any:
    if isinstance(value, bool):  # papermill's and YAML's reading of `off`
        return "on" if value else "off"
    value = str(value) if isinstance(value, Path) else value
    # Bytes that are no UTF-8 reach Python as surrogates, which no page and no file can hold.
    is_text = isinstance(value, str) and value.encode(errors="ignore").decode() == value
    is_whole = isinstance(value, int) and value.bit_length() < 2**13  # Python prints no larger one
    if isinstance(value, float) or is_whole or (is_text and "\0" not in value):
        return value
    raise InputError(f"{what}: write a number, a text in UTF-8, or a list of these")


def _parse_overrides(text: str | None) -> dict[str, str]:
    try:
        words = shlex.split(text or "")
    except ValueError as error:
        raise InputError(f"can't read the settings {text!r}: {error}") from None
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals:
            raise InputError(f"can't read the setting {name!r}: write name=value, such as epochs=3")
    return {name: value for name, _, value in pairs}


def _nearest(word: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Allowed: {', '.join(allowed)}"


def _first_problem(error: pydantic.ValidationError, profile: str, given: dict[str, Any]) -> str:
    problem = error.errors()[0]
    message, value = problem["msg"].removeprefix("Value error, "), problem["input"]
    path = [part for part in problem["loc"] if isinstance(part, str)]
    name = path[-1] if path else ""
    if path[:1] == ["of_model"]:
        name = f"{name}_{architectures.get(path[1]).setting_suffix}"
    # What the caller didn't give stands in the profile, or should.
    where = f"{_path_of(profile)}: " if name in names() and name not in given else ""
    if name not in names() or (name == "data_set" and problem["type"] == "value_error"):
        return f"{where}{message}"
    if problem["type"] == "missing":
        return f"{where}lacks the setting {name}; add it, or {BASED_ON}: {PROTOCOL}"
    if problem["type"] == "literal_error":
        allowed = re.findall(r"(?!or\b)\b[\w-]+", problem["ctx"]["expected"])
        message = f"not allowed. {_nearest(str(value), allowed)}"
    is_number = isinstance(value, int | float) or re.fullmatch(r"-?[\d.]+", str(value))
    return f"{where}setting {name} = {value if is_number else repr(value)}: {message}"
