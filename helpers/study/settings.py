"""A run's settings: a profile from `profiles/`, the caller's overrides, and their validation."""

import difflib
import shlex
import types
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

REPOSITORY = Path(__file__).resolve().parent.parent

Probability = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
ModelName = Literal["custom-cnn", "resnet50", "resnet50-caffe"]

# Settings that say what is run and on which data, not how a model is trained.
NOT_TRAINING = (
    "profile",
    "models",
    "seeds",
    "source",
    "data_set",
    "image_size",
    "data_path",
    "phantom_images",
    "phantom_seed",
    "explained_images",
    "evaluations",
)
# Settings that only one of the two architectures reads; all others concern both.
ONLY_CUSTOM_CNN = ("convolution_filters", "convolution_dropout", "learning_rate_custom_cnn")
ONLY_RESNET50 = (
    "adapter",
    "upsample_to",
    "weights",
    "cached_views",
    "learning_rate_resnet50",
)
# Settings that determine what a frozen base's features are.
FROZEN_FEATURES = (
    "augmentation",
    "imbalance_ratio",
    "rotation_degrees",
    "shift",
    "zoom",
    "horizontal_flip",
    "adapter",
    "upsample_to",
    "weights",
    "cached_views",
)


class InputError(ValueError):
    """Something the user gave can't be used; the message says what, where and what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a reader needs the sentence, not the stack.
        return [f"InputError: {self}"]


class Settings(BaseModel):
    """Everything that determines a run. Each value in `profiles/paper.yaml` is the report's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    models: tuple[ModelName, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)

    source: Literal["phantom", "file", "medmnist"]
    data_set: str
    image_size: Literal[28, 64, 128, 224]
    data_path: Path | None
    phantom_images: tuple[Count, Count, Count]
    phantom_seed: Annotated[int, Field(ge=0)]

    augmentation: Literal["auto", "on", "off"]
    imbalance_ratio: Annotated[float, Field(ge=1)]
    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    shift: Probability
    zoom: Probability
    horizontal_flip: bool

    convolution_filters: tuple[Count, Count, Count, Count]
    convolution_dropout: Probability
    pooling_dropout: Probability
    dense_units: tuple[Count, Count]
    dense_dropout: tuple[Probability, Probability]
    adapter: Literal["learned", "replicate"]
    upsample_to: Annotated[int, Field(ge=32, le=448)]
    weights: str
    cached_views: Count

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    learning_rate_custom_cnn: Rate
    learning_rate_resnet50: Rate
    batch_size: Count
    epochs: Count
    class_weights: Literal["balanced", "none"]
    early_stopping_patience: Count
    plateau_factor: Annotated[float, Field(gt=0, lt=1)]
    plateau_patience: Count

    explained_images: Annotated[int, Field(ge=4)]
    evaluations: Count

    @field_validator("seeds", "models", mode="before")
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",")]
        return [value] if isinstance(value, int) else value

    @field_validator("seeds", "models")
    @classmethod
    def _refuse_repeats(cls, value: tuple) -> tuple:
        if len(set(value)) < len(value):
            raise ValueError("names something twice")
        return value

    @field_validator("data_path", mode="after")
    @classmethod
    def _make_absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().resolve()

    @field_validator("weights", mode="after")
    @classmethod
    def _resolve_weights(cls, value: str) -> str:
        return value if value in ("imagenet", "random") else str(Path(value).expanduser().resolve())

    @model_validator(mode="after")
    def _check_together(self) -> "Settings":
        if (self.source == "file") != (self.data_path is not None):
            raise ValueError(
                "profile local reads a MedMNIST-format file: name it with data_path (make: DATA=)"
                if self.source == "file"
                else f"data_path goes with profile local; profile {self.profile} has its own data"
            )
        if self.source == "phantom" and self.image_size not in (28, 64):
            raise ValueError("the phantom is drawn at image_size 28 or 64")
        return self

    def concerning(self, model: str) -> dict[str, Any]:
        """The settings that determine how `model` is trained on given data, as JSON values."""
        others = ONLY_RESNET50 if model == "custom-cnn" else ONLY_CUSTOM_CNN
        return self.model_dump(mode="json", exclude={*NOT_TRAINING, *others})


def profile_names() -> list[str]:
    """The names of the profiles in `profiles/`, sorted."""
    return sorted(path.stem for path in (REPOSITORY / "profiles").glob("*.yaml"))


def load_settings(profile: str, overrides: str | None = None, **parameters: Any) -> Settings:
    """Read a profile and lay the caller's parameters over it.

    Parameters
    ----------
    profile : one of `profile_names()`.
    overrides : further settings as "name=value name=value", each value in YAML.
    parameters : settings by name; None leaves the profile's value.

    Raises
    ------
    InputError : for an unknown profile, setting or value, with what is allowed.

    Examples
    --------
    >>> load_settings("demo", overrides="batch_size=16", epochs=3).epochs
    3
    """
    values = _read_profile(profile) | {"profile": profile}
    given = {name: value for name, value in parameters.items() if value is not None}
    given |= _parse_overrides(overrides)
    for name in given:
        if name not in Settings.model_fields or name == "profile":
            known = [field for field in Settings.model_fields if field != "profile"]
            raise InputError(f"unknown setting {name!r}: {_nearest(name, known)}")
    try:
        return Settings(**values | given)
    except ValidationError as error:
        raise InputError(_first_problem(error)) from None


def changed(settings: Settings) -> dict[str, Any]:
    """The settings, as JSON values, that differ from what their profile says."""
    values = settings.model_dump(mode="json")
    given = _read_profile(settings.profile)
    return {name: values[name] for name in given if values[name] != given[name]}


def _read_profile(profile: str) -> dict[str, Any]:
    if profile not in profile_names():
        raise InputError(f"unknown profile {profile!r}: {_nearest(str(profile), profile_names())}")
    values = yaml.safe_load((REPOSITORY / "profiles" / f"{profile}.yaml").read_text())
    base = values.pop("based_on", None)
    return _read_profile(base) | values if base else values


def _parse_overrides(text: str | None) -> dict[str, Any]:
    pairs = [word.partition("=") for word in shlex.split(text or "")]
    for name, equals, _ in pairs:
        if not equals:
            raise InputError(f"can't read the setting {name!r}: write name=value, such as epochs=3")
    try:
        return {name: yaml.safe_load(value) for name, _, value in pairs}
    except yaml.YAMLError:
        raise InputError(f"can't read the settings {text!r}: write name=value pairs") from None


def _nearest(word: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Allowed: {', '.join(allowed)}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    hint = ""
    if problem["type"] == "literal_error":
        allowed = [str(value) for value in _allowed_values(Settings.model_fields[name].annotation)]
        hint = f". {_nearest(str(problem['input']), allowed)}"
        message = "not allowed"
    return f"setting {name} = {problem['input']!r}: {message}{hint}"


def _allowed_values(annotation: Any) -> tuple:
    if isinstance(annotation, types.GenericAlias):
        return _allowed_values(get_args(annotation)[0])
    return get_args(annotation)
