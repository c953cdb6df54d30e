"""Columns of tables and of migrations, several of one type at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, Text
from sqlalchemy.types import TypeEngine


def columns(kind: type[TypeEngine[Any]], *names: str, nullable: bool = False) -> list[Column[Any]]:
    """A column for each of `names`."""
    return [Column(name, kind, nullable=nullable) for name in names]


def keys(kind: type[TypeEngine[Any]], *names: str) -> list[Column[Any]]:
    """As `columns`, of the primary key."""
    return [Column(name, kind, primary_key=True) for name in names]


def engine_keys(*names: str) -> list[Column[Any]]:
    """The engine and texts that identify a row of it."""
    return [*keys(Integer, "engine"), *keys(Text, *names)]
