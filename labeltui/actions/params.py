"""The parameters of actions: typed fields that the command line, the forms and the operations share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NoReturn, Self, TypeVar, cast, dataclass_transform

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

Kind = Literal["text", "int", "float", "bool", "choice", "list", "pairs"]
Choice = TypeVar("Choice", bound=str)

_EMPTY: Mapping[Kind, Any] = {"bool": False, "list": (), "pairs": MappingProxyType({})}
"""The value of an omitted parameter, by kind. Kinds that are missing here get None."""


class Param:
    """One parameter: an option of the command line and a field of the console's form. Treat it as immutable.

    ``pairs`` is a repeatable KEY VALUE, ``list`` a repeatable value; ``positional`` only affects the command line. A
    ``hidden`` parameter has no option and no field: the code that confirms an action sets it. The values of
    ``local`` are paths on this machine.
    """

    def __init__(
        self,
        name: str,
        help: str,
        kind: Kind = "text",
        choices: tuple[str, ...] = (),
        *,
        positional: bool = False,
        required: bool = False,
        hidden: bool = False,
        local: bool = False,
    ) -> None:
        self.name, self.help, self.kind, self.choices = name, help, kind, choices
        self.positional, self.required, self.hidden, self.local = positional, required, hidden, local

    def __set_name__(self, _owner: type, attribute: str) -> None:
        self.name = attribute.removesuffix("_")

    def __repr__(self) -> str:
        return f"Param({self.name!r}, {self.kind!r})"

    @property
    def flag(self) -> str:
        """The option's name, such as ``--max-epochs`` for ``max_epochs``."""
        return "--" + self.name.replace("_", "-")

    @property
    def empty(self) -> Any:
        """The value of a parameter that is left out."""
        return _EMPTY.get(self.kind)


# Each of these functions declares one field. Annotate the field with the function's return type.


def text(help: str, *, positional: bool = False, hidden: bool = False) -> str | None:
    """Declare a text; None when left out."""
    return cast("str | None", Param("", help, positional=positional, hidden=hidden))


def required_text(help: str) -> str:
    """Declare a positional text that can't be left out."""
    return cast("str", Param("", help, positional=True, required=True))


def whole(help: str) -> int | None:
    """Declare a whole number; None when left out."""
    return cast("int | None", Param("", help, "int"))


def number(help: str) -> float | None:
    """Declare a number; None when left out."""
    return cast("float | None", Param("", help, "float"))


def switch(help: str) -> bool:
    """Declare a switch; False when left out."""
    return cast("bool", Param("", help, "bool"))


def choice(help: str, *choices: Choice, positional: bool = False) -> Choice | None:
    """Declare a choice of one of these texts; None when left out."""
    return cast("Choice | None", Param("", help, "choice", choices, positional=positional))


def texts(help: str, *, positional: bool = False, local: bool = False) -> tuple[str, ...]:
    """Declare a text that may be repeated; with ``local``, a path on this machine."""
    return cast("tuple[str, ...]", Param("", help, "list", positional=positional, local=local))


def pairs(help: str) -> Mapping[str, str]:
    """Declare an option that takes a KEY and a VALUE and may be repeated. The last value of a key counts."""
    return cast("Mapping[str, str]", Param("", help, "pairs"))


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Params:
    """Base class of the parameters of one action.

    It is not a dataclass: to create twenty dataclasses would take a tenth of the time to first paint. A field whose
    name is a Python keyword ends in an underscore; keys, forms and the command line leave the underscore out.
    """

    declared: ClassVar[tuple[Param, ...]] = ()
    _attributes: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        """Collect the declared fields. Each class attribute then holds the value for a field that is left out."""
        super().__init_subclass__()
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Param)}
        cls.declared += tuple(own.values())
        cls._attributes = {**cls._attributes, **{param.name: attribute for attribute, param in own.items()}}
        for attribute, param in own.items():
            setattr(cls, attribute, param.empty)

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is read only")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.given() == other.given()

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.given().items())})"
        )

    def given(self) -> dict[str, Any]:
        """Return the values that are set, under the names that keys, forms and the command line use."""
        values = ((param, self.value(param)) for param in self.declared)
        return {param.name: value for param, value in values if value != param.empty}

    def value(self, param: Param) -> Any:
        """The value of one declared parameter."""
        return getattr(self, self._attributes[param.name])

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Create the parameters from the values of a key, a form or the command line.

        The value None counts as left out. Raises Misused ``bad_parameter`` for a name that is not declared, a value of
        the wrong type, and a required parameter that is missing.
        """
        known = {param.name: param for param in cls.declared}
        for name in given:
            if name not in known:
                listed = ", ".join(param.name for param in cls.declared if not param.hidden) or "none"
                raise Misused(Code.BAD_PARAMETER, f"There is no parameter {name!r}.", f"There are: {listed}.")
        values = {name: _checked(known[name], value) for name, value in given.items() if value is not None}
        for param in cls.declared:
            if param.required and not values.get(param.name):
                raise Misused(Code.BAD_PARAMETER, f"The parameter {param.name!r} is missing.")
        return cls(**{cls._attributes[name]: value for name, value in values.items()})


class NoParams(Params):
    """The parameters of an action that has none."""


def _checked(param: Param, value: Any) -> Any:
    """Return the value in the parameter's type. Raises Misused for a wrong type."""
    if param.kind == "bool" and isinstance(value, bool):
        return value
    if param.kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if param.kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if param.kind == "text" and isinstance(value, str):
        return value
    if param.kind == "choice" and value in param.choices:
        return value
    if param.kind == "list" and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if param.kind == "pairs" and isinstance(value, Mapping):
        return dict(value)
    raise Misused(
        Code.BAD_PARAMETER,
        f"The parameter {param.name!r} can't be {value!r}.",
        f"It is {_expected(param)}.",
    )


def _expected(param: Param) -> str:
    if param.kind == "choice":
        return f"one of {', '.join(param.choices)}"
    return {
        "text": "a text", "int": "a whole number", "float": "a number", "bool": "true or false",
        "list": "a list of texts", "pairs": "pairs of a key and a value",
    }[param.kind]  # fmt: skip
