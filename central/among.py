"""A question of many keys at once, `field__among=[…]`: to PostgreSQL they are one parameter.

`__in` writes each of them into the statement: of five hundred rights, finding their places there
took ingest as long as the answer.
"""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, Lookup
from django.db.models.sql.compiler import SQLCompiler


@BinaryField.register_lookup
class Among(Lookup):
    """Whether a value is one of these; each is given once."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[bytes]:
        keys: Iterable[bytes] = self.rhs
        return sorted(set(keys))

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        column, of_column = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            # Written out here, since bytes in hex need no care; psycopg takes care of each of them.
            keys = ",".join(rf"\\x{key.hex()}" for key in self.rhs)
            return f"{column} = ANY(%s::bytea[])", (*of_column, f"{{{keys}}}")
        return f"{column} IN ({', '.join(['%s'] * len(self.rhs))})", (*of_column, *self.rhs)
