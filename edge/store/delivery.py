"""What central has acknowledged: written by sync alone, read by whoever prunes the journal."""

from pathlib import Path

from edge.store.database import make_directory, open_durable


class DeliveryStore:
    def __init__(self, directory: Path) -> None:
        make_directory(directory)
        self._database = open_durable(directory / "delivery.db", "delivery")
        self._upto: dict[bytes, int] = {}
        """As it stands on disk: nobody else writes there, and this is asked at every row."""

    def acknowledged(self, epoch: bytes) -> int:
        """Return the end of the acknowledged prefix of an epoch; 0 if none is."""
        if epoch not in self._upto:
            row = self._database.execute(
                "SELECT upto FROM acknowledged WHERE epoch = ?", (epoch,)
            ).fetchone()
            self._upto[epoch] = int(row[0]) if row else 0
        return self._upto[epoch]

    def acknowledge(self, epoch: bytes, upto: int) -> None:
        """Note what central says, also when it says less than before: it may be a restored one."""
        self._database.execute(
            "INSERT INTO acknowledged VALUES (?, ?) ON CONFLICT (epoch) DO UPDATE SET upto = ?",
            (epoch, upto, upto),
        )
        self._upto[epoch] = upto

    def close(self) -> None:
        self._database.close()
