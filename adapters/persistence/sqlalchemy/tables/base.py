"""The metadata of all tables, and column types that behave alike on every database.

MariaDB and MySQL need a word each: their texts merge cases and trailing spaces, their times drop fractions, their
floats are single and their plain binary columns small. SQLAlchemy speaks to both by the name `mysql`.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Float, Integer, LargeBinary, MetaData, String, Text, Uuid
from sqlalchemy.dialects.mysql import BINARY, DATETIME, DOUBLE, LONGBLOB, LONGTEXT, VARBINARY
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

MYSQL = "mysql"
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond; always aware in Python, on databases without time zones too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return DATETIME(fsp=6) if dialect.name == MYSQL else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UniqueId(TypeDecorator[UUID]):
    """A UUID. On MariaDB and MySQL its 16 bytes: MariaDB's own type sorts otherwise, and MySQL has none."""

    impl = Uuid()
    cache_ok = True

    @property
    def python_type(self) -> type[UUID]:
        return UUID

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return BINARY(16) if dialect.name == MYSQL else Uuid()

    def bind_processor(self, dialect: Dialect) -> Any:
        """None for PostgreSQL, whose driver takes and gives it as it is."""
        return None if dialect.name == "postgresql" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> UUID | bytes | None:
        return value.bytes if value is not None and dialect.name == MYSQL else value

    def process_result_value(self, value: UUID | bytes | None, _dialect: Dialect) -> UUID | None:
        return UUID(bytes=value) if isinstance(value, bytes) else value


class BytewiseText(TypeDecorator[str]):
    """Text that is compared and sorted byte by byte, trailing spaces included.

    Without a length it is as long as may be and for reading only: PostgreSQL sorts it as the database does.
    """

    impl = String()
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    @property
    def python_type(self) -> type[str]:
        return str

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == MYSQL:
            collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
            return LONGTEXT(collation=collation) if self.length is None else String(self.length, collation)
        if self.length is None:
            return Text()
        return String(self.length, "C" if dialect.name == "postgresql" else None)


def key_text(length: int) -> BytewiseText:
    """Text of at most so many characters, fit for keys, look-ups and sorting."""
    return BytewiseText(length)


def short_bytes(length: int) -> TypeEngine[bytes]:
    """At most so many bytes, kept inside the row."""
    return LargeBinary(length).with_variant(VARBINARY(length), MYSQL)


LONG_TEXT = BytewiseText()
LONG_BYTES = LargeBinary().with_variant(LONGBLOB(), MYSQL)
DOUBLE_FLOAT = Float().with_variant(DOUBLE(asdecimal=False), MYSQL)
BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only for a column of exactly the type INTEGER."""
