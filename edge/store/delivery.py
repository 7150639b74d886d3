"""What central has acknowledged: written by sync alone, read by whoever prunes the journal."""

from pathlib import Path

from edge.store.database import make_directory, open_durable


class DeliveryStore:
    def __init__(self, directory: Path) -> None:
        make_directory(directory)
        self._database = open_durable(directory / "delivery.db", "delivery")

    def acknowledged(self, epoch: bytes) -> int:
        """Return the end of the acknowledged prefix of an epoch; 0 if none is."""
        row = self._database.execute(
            "SELECT upto FROM acknowledged WHERE epoch = ?", (epoch,)
        ).fetchone()
        return int(row[0]) if row else 0

    def acknowledge(self, epoch: bytes, upto: int) -> None:
        """Note what central says, also when it says less than before: it may be a restored one."""
        self._database.execute(
            "INSERT INTO acknowledged VALUES (?, ?) ON CONFLICT (epoch) DO UPDATE SET upto = ?",
            (epoch, upto, upto),
        )

    def close(self) -> None:
        self._database.close()
