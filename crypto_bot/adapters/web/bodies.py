"""JSON bodies made from the domain's types: an object with the same fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from decimal import Decimal
from functools import cache
from math import isnan
from types import UnionType
from typing import Annotated, Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    create_model,
)
from pydantic_core import CoreSchema

from crypto_bot.domain.interval import NAN_IS_UNKNOWN, Interval
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.model_card import ModelMetrics
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper_report import AccountStatistics

Number = Annotated[
    float | None,
    BeforeValidator(lambda value: None if isinstance(value, float) and isnan(value) else value),
]
"""NaN, which is a number that is not known, is null."""
Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""As a number; to the last digit it stands in the database."""


class Body(BaseModel):
    """A JSON object that is made once and sent."""

    model_config = ConfigDict(frozen=True, from_attributes=True, protected_namespaces=())

    @classmethod
    def of(cls, value: Any) -> Self:
        """The body of `value`."""
        return cls.model_validate(value)


class Sent(BaseModel):
    """What a caller sends; fields that nobody reads are refused."""

    model_config = ConfigDict(extra="forbid")


class _Estimate(Body):
    estimate: Number = Field(validation_alias="value")
    low: Number
    high: Number


_LEFT_OUT: Mapping[type, frozenset[str]] = {
    ModelMetrics: frozenset({"curves", "labels"}),
    Event: frozenset({"id", "seq", "terms"}),
    Outcome: frozenset({"side"}),
}
_IN_PLACE_OF: Mapping[type, Mapping[Any, Any]] = {AccountStatistics: {Interval: _Estimate}}


class _OfDomain:
    """Marks a type of the domain that is sent as its body."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler.generate_schema(body(source))


_Kind = TypeVar("_Kind")
Json = Annotated[_Kind, _OfDomain()]
"""`Json[Outcome]` is an outcome for whoever makes a body, and an object in JSON."""


@cache
def body(kind: type) -> type[Body]:
    """The body of a named tuple or a dataclass, and of those that it holds.

    Decimals become numbers and tuples lists; what may be NaN may be null.
    """
    names = get_type_hints(kind, include_extras=True)
    special = {Decimal: Money, **_IN_PLACE_OF.get(kind, {})}
    fields = {
        name: (_json(hint, special), ...)
        for name, hint in names.items()
        if name not in _LEFT_OUT.get(kind, ())
    }
    summary = (kind.__doc__ or "").partition("\n")[0]
    made: type[Body] = create_model(  # type: ignore[call-overload]  # fields of the domain
        f"{kind.__name__}Body", __base__=Body, __doc__=summary, **fields
    )
    return made


def _json(hint: Any, special: Mapping[Any, Any]) -> Any:
    """The type of JSON for a type of the domain."""
    if hint in special:
        return special[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Number if NAN_IS_UNKNOWN in inner else inner[0]
    if origin in {Union, UnionType}:
        return Union[tuple(_json(each, special) for each in inner)]  # noqa: UP007 - of a tuple
    if origin is tuple and inner[-1] is ...:
        return list[_json(inner[0], special)]  # type: ignore[misc]  # made as it runs
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[inner[0], _json(inner[1], special)]  # type: ignore[misc,valid-type]
    is_record = isinstance(hint, type) and (is_dataclass(hint) or hasattr(hint, "_fields"))
    return body(hint) if is_record else hint
