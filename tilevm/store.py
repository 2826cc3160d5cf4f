"""Bytes kept on disk, under the hash of all that decided them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIMIT = 256 << 20  # bytes on disk, above which what was used longest ago is dropped
ENDING = ".kernel"
DIGEST_BYTES = 32


@dataclass(frozen=True)
class Store:
    """A folder of entries: each a digest and then what it is the digest of, written whole or not at all.

    Any number of processes may share it.
    """

    folder: Path
    limit: int = LIMIT

    def path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}{ENDING}"

    def get(self, key: str) -> bytes | None:
        """What was put under ``key``; None where there is nothing, or not what was written."""
        path = self.path(key)
        try:
            held = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, data = held[:DIGEST_BYTES], held[DIGEST_BYTES:]
        return data if hashlib.sha256(data).digest() == digest else None

    def put(self, key: str, data: bytes) -> None:
        """Keep ``data`` under ``key``. A folder that cannot be written to keeps nothing."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what lies there is run: nobody else may write
            with tempfile.TemporaryDirectory(dir=self.folder) as room:
                whole = Path(room) / "entry"
                whole.write_bytes(hashlib.sha256(data).digest() + data)
                os.replace(whole, self.path(key))
        except OSError:
            return
        self.trim()

    def entries(self) -> list[tuple[Path, os.stat_result]]:
        """Every entry, what was used longest ago first."""
        return sorted(self._found(), key=lambda found: found[1].st_mtime_ns)

    def _found(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.glob(f"*{ENDING}") if self.folder.is_dir() else ():
            try:
                yield path, path.stat()
            except FileNotFoundError:  # another process dropped it
                continue

    def trim(self) -> None:
        """Drop entries until the limit is kept."""
        entries = self.entries()
        total = sum(stat.st_size for _, stat in entries)
        for path, stat in entries:
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= stat.st_size

    def clear(self) -> int:
        """Drop all entries; how many there were."""
        entries = self.entries()
        for path, _ in entries:
            path.unlink(missing_ok=True)
        return len(entries)
