"""The parameters of operators: their kinds, and the check that makes what rules use of what a text says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeAlias

from dovetail.dsl import units, values
from dovetail.dsl.operators.fault import OperatorFault

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = tuple[int, int, int, int]

LARGEST: Final = 10**18
"""Numbers beyond this are refused: no layer has them, and their products could not be printed."""

SAME: Final = "same"
GLOBAL: Final = "global"


class Kind(StrEnum):
    """What an argument may be, with the value that rules receive."""

    INT = "int"
    """A whole number of at least `Parameter.least` -> int."""
    AXIS = "axis"
    """An axis, counted from the end where negative -> int."""
    NUMBER = "number"
    """Any finite number -> float."""
    PAIR = "pair"
    """One number or [rows, cols] -> (rows, cols)."""
    WINDOW = "window"
    """As PAIR, or the name `global` -> (rows, cols) or "global"."""
    PADDING = "padding"
    """One number, [rows, cols], [top, bottom, left, right] or `same` -> the four numbers or "same"."""
    BOOL = "bool"
    """`true` or `false` -> bool."""
    STRING = "string"
    """A string; one of `Parameter.options` where there are any -> str."""
    INTS = "ints"
    """A list of whole numbers of at least `Parameter.least` -> tuple[int, ...]."""
    PARTS = "parts"
    """One whole number or a list of them -> int or tuple[int, ...]."""


class Required(Enum):
    """The default of a parameter that has none."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED


@dataclass(frozen=True, slots=True)
class Derived:
    """A default that follows from other arguments, in the words of the documentation; rules see None."""

    text: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operator. `default` is REQUIRED, a Derived, or a value as a text would give it."""

    name: str
    kind: Kind
    default: object = REQUIRED
    least: int = 1
    options: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether a use must give it."""
        return self.default is REQUIRED

    def __str__(self) -> str:
        match self.default:
            case Required():
                return self.name
            case Derived(text):
                return f"{self.name} = {text}"
            case bool() as flag:
                return f"{self.name} = {str(flag).lower()}"
            case str() as text if self.options:
                return f'{self.name} = "{text}"'
            case default:
                return f"{self.name} = {default}"

    def coerce(self, operator: str, value: object) -> object:
        """`value` as rules want it (see Kind); raises OperatorFault ("value") if it cannot be."""
        match self.kind:
            case Kind.INT:
                return self._whole(operator, value, self.least)
            case Kind.AXIS:
                return self._whole(operator, value, None)
            case Kind.NUMBER:
                if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
                    raise self._fault(operator, value, "a number")
                return float(value)
            case Kind.PAIR:
                return self._pair(operator, value, "a whole number or [rows, cols]")
            case Kind.WINDOW:
                if value == GLOBAL:
                    return GLOBAL
                return self._pair(operator, value, "a whole number, [rows, cols] or `global`")
            case Kind.PADDING:
                return self._padding(operator, value)
            case Kind.BOOL:
                if not isinstance(value, bool):
                    raise self._fault(operator, value, "`true` or `false`")
                return value
            case Kind.STRING:
                options = " or ".join(f'"{option}"' for option in self.options)
                if not isinstance(value, str) or (self.options and value not in self.options):
                    raise self._fault(operator, value, options or "a string")
                return value
            case Kind.INTS:
                if not isinstance(value, list | tuple) or not value:
                    raise self._fault(operator, value, "a list of whole numbers")
                return tuple(self._whole(operator, item, self.least) for item in value)
            case Kind.PARTS:
                if isinstance(value, list | tuple):
                    if not value:
                        raise self._fault(operator, value, "a whole number or a list of them")
                    return tuple(self._whole(operator, item, self.least) for item in value)
                return self._whole(operator, value, self.least)

    def _whole(self, operator: str, value: object, least: int | None) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, float):
            way_out = f"`round(…)`, `floor(…)` or `ceil(…)` make {value:g} a whole number"
            raise self._fault(operator, value, "a whole number", help=way_out)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._fault(operator, value, "a whole number")
        if abs(value) > LARGEST:
            raise self._fault(operator, value, "at most 10^18")
        if least is not None and value < least:
            raise self._fault(operator, value, f"at least {least}")
        return value

    def _pair(self, operator: str, value: object, wanted: str) -> Pair:
        if isinstance(value, list | tuple):
            if len(value) != 2:
                raise self._fault(operator, value, wanted)
            rows, cols = (self._whole(operator, item, self.least) for item in value)
            return rows, cols
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._fault(operator, value, wanted)
        both = self._whole(operator, value, self.least)
        return both, both

    def _padding(self, operator: str, value: object) -> Padding | str:
        wanted = "a whole number, [rows, cols], [top, bottom, left, right] or `same`"
        if value == SAME:
            return SAME
        if isinstance(value, list | tuple) and len(value) == 4:
            top, bottom, left, right = (self._whole(operator, item, self.least) for item in value)
            return top, bottom, left, right
        rows, cols = self._pair(operator, value, wanted)
        return rows, rows, cols, cols

    def _fault(self, operator: str, value: object, wanted: str, help: str | None = None) -> OperatorFault:
        message = f"`{self.name}` of `{operator}` is {describe(value)}, and has to be {wanted}"
        return OperatorFault("value", message, parameter=self.name, help=help)


class Arguments:
    """The checked arguments of one use, by name and type."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def given(self, name: str) -> bool:
        """Whether a Derived default was overridden."""
        return self._values[name] is not None

    def whole(self, name: str) -> int:
        """An INT or AXIS."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def pair(self, name: str) -> Pair:
        """A PAIR, or a WINDOW that is not global: (rows, cols)."""
        value = self._values[name]
        assert isinstance(value, tuple)
        rows, cols = value
        return rows, cols

    def padding(self, name: str) -> Padding | None:
        """(top, bottom, left, right), or None for `same`."""
        value = self._values[name]
        if value == SAME:
            return None
        assert isinstance(value, tuple)
        top, bottom, left, right = value
        return top, bottom, left, right

    def flag(self, name: str) -> bool:
        """A BOOL."""
        return self._values[name] is True

    def text(self, name: str) -> str:
        """A STRING."""
        return str(self._values[name])

    def is_global(self, name: str) -> bool:
        """Whether a WINDOW is the whole image."""
        return self._values[name] == GLOBAL

    def several(self, name: str) -> tuple[int, ...] | None:
        """INTS, or PARTS given as a list; None for PARTS given as one number."""
        value = self._values[name]
        return value if isinstance(value, tuple) else None


def describe(value: object) -> str:
    """A value in a message; a number too long to read by its magnitude."""
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case int() if abs(value) > LARGEST:
            return f"{'-' if value < 0 else ''}10^{int(value.bit_length() * 0.30103)}"
        case int():
            return str(value)
        case float():
            return f"{value:g}"
        case str():
            return f'"{value}"' if len(value) <= 40 else "a string"
        case list() | tuple():
            if len(value) > 8 or any(isinstance(v, list | tuple) for v in value):
                return f"a list of {len(value)}"
            return f"[{', '.join(describe(v) for v in value)}]"
        case None:
            return "`none`"
        case _ if units.is_quantity(value):
            return units.text_of(value)
        case _:
            return values.describe(value)
