"""A settings file with every setting, its meaning and its default, made from the settings."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from crypto_bot.app.settings import Settings

_HEAD = """\
Settings of crypto-bot. A line that begins with a name behind its # is a setting at its default:
remove the # to change it. Flags, and environment variables such as
CRYPTO_BOT_EXCHANGE__TIMEOUT_S=3, replace what stands here."""
_WIDTH = 98
_BOUNDS = ((Gt, "gt", "above"), (Ge, "ge", "at least"), (Lt, "lt", "below"), (Le, "le", "at most"))


def settings_file() -> str:
    """TOML in which every setting is a comment, so that it changes nothing as it stands."""
    return "\n".join([*_comment(_HEAD), *_table(Settings, Settings(), "")]) + "\n"


def meanings(section: type[BaseModel]) -> dict[str, str]:
    """The sentence below each field of `section` in its source, in one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def _table(section: type[BaseModel], values: BaseModel, path: str) -> Iterator[str]:
    """Single settings come first: TOML has no way back from a table."""
    means = meanings(section)
    tables = []
    for name, field in section.model_fields.items():
        value = getattr(values, name)
        if isinstance(value, BaseModel) or _is_list_of_tables(value):
            tables.append((name, value))
        else:
            yield from _setting(name, field, value, means[name])
    for name, value in tables:
        yield ""
        if isinstance(value, BaseModel):
            yield from _comment(inspect.getdoc(type(value)) or "")
            yield f"[{name}]"
            yield from _table(type(value), value, f"{path}{name}.")
        else:
            yield from _comment(f"{means[name]} {inspect.getdoc(type(value[0]))}")
            yield from _tables(f"{path}{name}", value)


def _tables(path: str, values: tuple[BaseModel, ...]) -> Iterator[str]:
    """The first with all of its settings, the others with what they change."""
    for number, value in enumerate(values):
        yield from ("", f"#[[{path}]]")
        if number == 0:
            yield from _table(type(value), value, f"{path}.")
        else:
            changed = value.model_fields_set
            yield from (f"#{name} = {_toml(getattr(value, name))}" for name in sorted(changed))


def _setting(name: str, field: FieldInfo, value: Any, meaning: str) -> Iterator[str]:
    yield ""
    if field.annotation is not None and SecretStr in get_args(field.annotation):
        yield from _comment(f"{name}: {meaning}")
        return
    yield from _comment(f"{meaning}{_limits(field)}")
    yield f"#{name} =" if value is None else f"#{name} = {_toml(value)}"


def _limits(field: FieldInfo) -> str:
    """What else may stand there, in brackets."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return f" ({', '.join(map(str, get_args(kind)))})"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f" ({', '.join(each.value for each in kind)})"
    bounds = [
        f"{words} {getattr(each, attribute):g}"
        for each in field.metadata
        for bound, attribute, words in _BOUNDS
        if isinstance(each, bound)
    ]
    return f" ({', '.join(bounds)})" if bounds else ""


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = value.value if isinstance(value, Enum) else value
    return json.dumps(text.as_posix() if isinstance(text, Path) else text, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)
