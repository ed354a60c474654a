"""Write down what an operator does, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg.types.json import Jsonb

from photoplay.db.pool import Transaction


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the audit, for a transaction of the scope `ADMIN`.

    Attributes:
        actor: who: `key:<prefix>`, `user:<id>`, `service`, `local` or `cli:<account>`.
        action: what was done, `noun.verb`.
        target: what it was done to: an id or a name.
        details: facts without content.
    """

    actor: str
    action: str
    target: str
    details: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def statement(self) -> tuple[str, dict[str, object]]:
        """The row as a statement of `Database.batch`."""
        values: dict[str, object] = {
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "details": Jsonb(dict(self.details)),
        }
        return "write_audit", values


async def write_audit(tx: Transaction, entry: AuditEntry) -> None:
    """Write the row within an open transaction."""
    query, values = entry.statement
    await tx.run(query, **values)
