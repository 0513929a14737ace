"""The base of every table."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Date, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.models.columns import Json, Key, UtcTime


def own_key() -> Mapped[int]:
    return mapped_column(Key, primary_key=True)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime(),
        date: Date(),
        dict[str, Any]: Json,
        list[Any]: Json,
        str: Text(),
    }
