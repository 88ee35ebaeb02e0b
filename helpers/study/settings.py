"""A run's settings: a profile from `profiles/`, the caller's overrides, and their validation.

Users type flat names (`epochs=3`); in code the settings lie in blocks, and a function is given the
block that it reads.
"""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from helpers.study import architectures, data_sets
from helpers.study.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[2]
# The profile that a run has by default, and the one that says what the report did.
DEFAULT_PROFILE, PROTOCOL = "demo", "paper"

Probability = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
NOTHING = ("", "~", "null", "None")


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [part.strip() for part in value.strip("[]").split(",")]
    return [value] if isinstance(value, int) else value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _resolved(value: str) -> str:
    return value if value in ("imagenet", "random") else str(Path(value).expanduser().resolve())


Listed = BeforeValidator(_split)
# What weights may be: `imagenet`, `random` or the path of a file.
Weights = Annotated[str, AfterValidator(_resolved)]


class Block(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Data(Block):
    """Which images a run is about.

    image_size : height and width in pixels; None for a file, which has its own.
    """

    source: Literal["phantom", "file", "medmnist"]
    data_set: str
    image_size: Annotated[Literal[data_sets.SIZES], BeforeValidator(_whole)] | None
    data_path: Path | None
    phantom_images: Annotated[tuple[Count, Count, Count], Listed]
    phantom_seed: Seed

    @property
    def is_embedded(self) -> bool:
        """Whether the images come with the book."""
        return self.source == "phantom"

    @field_validator("data_path", mode="after")
    @classmethod
    def _make_absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().resolve()

    @field_validator("data_set", mode="after")
    @classmethod
    def _must_be_readable(cls, value: str) -> str:
        return data_sets.get(value).name


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

    convolution_filters: Annotated[tuple[Count, Count, Count, Count], Listed]
    convolution_dropout: Probability
    pooling_dropout: Probability


class Base(Block):
    """A frozen base and what stands before it (the report's section 2.2.2)."""

    adapter: Literal["learned", "replicate"]
    upsample_to: Annotated[int, Field(ge=32, le=448)]
    weights: Weights
    cached_views: Count

    @property
    def features_are_fixed(self) -> bool:
        """Whether nothing before the pooled features is trained, so that they can be cached."""
        return self.adapter == "replicate"


class Head(Block):
    """The dense layers on the pooled features."""

    dense_units: Annotated[tuple[Count, Count], Listed]
    dense_dropout: Annotated[tuple[Probability, Probability], Listed]


class Training(Block):
    """How a model is fitted (the report's section 2.3)."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    batch_size: Count
    epochs: Count
    class_weights: Literal["balanced", "none"]
    early_stopping_patience: Count
    plateau_factor: Annotated[float, Field(gt=0, lt=1)]
    plateau_patience: Count


class OfModel(Block):
    """What one model has unlike the others: `learning_rate_<model>`, `weights_<model>`."""

    learning_rate: Rate | None = None
    weights: Weights | None = None


class Heatmaps(Block):
    """How many images go on trial, and what a method may spend on each."""

    explained_images: Annotated[int, Field(ge=4)]
    evaluations: Count


class Settings(BaseModel):
    """Everything that determines a run. Each value in `profiles/paper.yaml` is the report's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    models: Annotated[tuple[str, ...], Listed, Field(min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Listed, Field(min_length=1)]
    data: Data
    augmentation: Augmentation
    convolutions: Convolutions
    base: Base
    head: Head
    training: Training
    heatmaps: Heatmaps
    of_model: dict[str, OfModel] = {}

    @field_validator("seeds", "models")
    @classmethod
    def _refuse_repeats(cls, value: tuple) -> tuple:
        if len(set(value)) < len(value):
            raise ValueError("names something twice")
        return value

    @field_validator("models")
    @classmethod
    def _must_be_registered(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in architectures.names():
                raise ValueError(f"not allowed. {_nearest(name, architectures.names())}")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        data = self.data
        if (data.source == "file") != (data.data_path is not None):
            readers = ", ".join(profiles_reading("file"))
            raise ValueError(
                f"profile {self.profile} reads a MedMNIST-format file: name it with data_path "
                "(make: DATA=)"
                if data.source == "file"
                else f"data_path goes with profile {readers}; profile {self.profile} has its own "
                "data"
            )
        if (data.source == "file") != (data.image_size is None):
            raise ValueError(
                "image_size goes with MedMNIST's own files and the phantom; a file has its own size"
                if data.source == "file"
                else f"image_size must be one of {', '.join(map(str, data_sets.SIZES))}"
            )
        if data.is_embedded and data.data_set != data_sets.imitated():
            readers = [*profiles_reading("file"), *profiles_reading("medmnist")]
            raise ValueError(
                f"data_set {data.data_set} goes with profile {' or '.join(readers)}; the phantom "
                f"of profile {self.profile} imitates {data_sets.imitated()}"
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
        for name, value in self.model_dump(
            mode="json", by_alias=True, exclude={"of_model"}
        ).items():
            values |= value if isinstance(value, dict) else {name: value}
        for name, (model, setting) in _of_models().items():
            if setting == "learning_rate":
                values[name] = self.learning_rate(model)
            elif weights := self._unlike_others(model, setting):
                values[name] = weights
        return values


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
    entries = [architectures.get(name) for name in architectures.names()]
    return {
        f"{setting}_{entry.setting_suffix}": (entry.name, setting)
        for entry in entries
        for setting in OfModel.model_fields
        if setting != "weights" or entry.base
    }


def names() -> tuple[str, ...]:
    """The names of all settings, as users type them."""
    return ("models", "seeds", *BLOCK_OF, *_of_models())


def profile_names() -> list[str]:
    """The names of the profiles in `profiles/`, sorted."""
    return sorted(path.stem for path in (REPOSITORY / "profiles").glob("*.yaml"))


def profiles_reading(source: str) -> list[str]:
    """The names of the profiles whose data come from a source: phantom, file or medmnist."""
    return [name for name in profile_names() if _read_profile(name)["source"] == source]


def load_settings(profile: str, overrides: str | None = None, **parameters: Any) -> Settings:
    """Read a profile and lay the caller's parameters over it.

    Parameters
    ----------
    profile : one of `profile_names()`.
    overrides : further settings as "name=value name=value".
    parameters : settings by name; None leaves the profile's value.

    Raises
    ------
    InputError : for an unknown profile, setting or value, with what is allowed.

    Examples
    --------
    >>> load_settings("demo", overrides="batch_size=16", epochs=3).training.epochs
    3
    """
    values = _read_profile(profile)
    given = {name: value for name, value in parameters.items() if value is not None}
    given |= _parse_overrides(overrides)
    for name in given:
        if name not in names():
            raise InputError(f"unknown setting {name!r}: {_nearest(name, names())}")
    try:
        return Settings(profile=profile, **_in_blocks(values | given))
    except ValidationError as error:
        raise InputError(_first_problem(error)) from None


def restored(flat: dict[str, Any]) -> Settings:
    """The settings that `Settings.flat` told; one that it lacks is the profile's."""
    known = {name: value for name, value in flat.items() if name in names()}
    return load_settings(flat["profile"], **known)


def differences(settings: Settings, other: Settings) -> dict[str, tuple[Any, Any]]:
    """The settings by name, as JSON values, in which the first differ from the second.

    Those that no model of the first reads, and where its images come from, are left out.
    """
    own, others = settings.flat(), other.flat()
    return {
        name: (own[name], others.get(name))
        for name in own
        if name in _read_by(settings) and own[name] != others.get(name)
    }


def _read_by(settings: Settings) -> set[str]:
    entries = [architectures.get(model) for model in settings.models]
    blocks = {"augmentation", "training", "heatmaps"}.union(*(entry.blocks for entry in entries))
    read = {name for name, block in BLOCK_OF.items() if block in blocks} | {"models"}
    if not settings.base.features_are_fixed:
        read.discard("cached_views")
    return read | {name for name, (model, _) in _of_models().items() if model in settings.models}


def _in_blocks(values: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {block: {} for block in (*BLOCKS, "of_model")}
    for name, value in values.items():
        value = None if isinstance(value, str) and value in NOTHING else value
        if name in BLOCK_OF:
            nested[BLOCK_OF[name]][name] = value
        elif name in _of_models():
            model, setting = _of_models()[name]
            nested["of_model"].setdefault(model, {})[setting] = value
        else:
            nested[name] = value
    return nested


def _read_profile(profile: str) -> dict[str, Any]:
    if profile not in profile_names():
        raise InputError(f"unknown profile {profile!r}: {_nearest(str(profile), profile_names())}")
    # As text, like what users type: YAML takes `off` for a truth value and 010 for eight.
    text = (REPOSITORY / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")
    values = yaml.load(text, Loader=yaml.BaseLoader)
    base = values.pop("based_on", None)
    return _read_profile(base) | values if base else values


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


def _nearest(word: str, allowed: tuple[str, ...] | list[str]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Allowed: {', '.join(allowed)}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    message, given = problem["msg"].removeprefix("Value error, "), problem["input"]
    path = [part for part in problem["loc"] if isinstance(part, str)]
    if not path or path[-1] in (*BLOCKS, "data_set"):
        return message
    name = path[-1]
    if path[0] == "of_model":
        name = f"{name}_{architectures.get(path[1]).setting_suffix}"
    if problem["type"] == "literal_error":
        allowed = re.findall(r"(?!or\b)\b[\w-]+", problem["ctx"]["expected"])
        message = f"not allowed. {_nearest(str(given), allowed)}"
    is_number = isinstance(given, int | float) or re.fullmatch(r"-?[\d.]+", str(given))
    return f"setting {name} = {given if is_number else repr(given)}: {message}"
