"""Disks and the object store, as dictionaries."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime

from photoplay.storage.decoders import DecoderPool
from photoplay.storage.errors import (
    ObjectConflictError,
    ObjectNotFoundError,
    StorageUnavailableError,
    VideoError,
)
from photoplay.storage.objects import ObjectInfo, StoredObject
from photoplay.storage.videos import Poster, VideoFacts
from tests.simulation.world import BEGINNING, Process, World


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPath:
    """A file or folder of one machine's disk; only what workers do with files.

    Attributes:
        disk: content by name.
    """

    disk: dict[str, bytes]
    name: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryPath) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __truediv__(self, name: str) -> MemoryPath:
        return MemoryPath(self.disk, name)

    @property
    def suffix(self) -> str:
        return f".{self.name.rpartition('.')[2]}"

    def with_suffix(self, suffix: str) -> MemoryPath:
        return MemoryPath(self.disk, self.name.rpartition(".")[0] + suffix)

    def exists(self) -> bool:
        return self.name in self.disk

    def is_dir(self) -> bool:
        return False

    def mkdir(self, *, parents: bool, exist_ok: bool) -> None:
        """Folders are there."""

    def unlink(self, *, missing_ok: bool = False) -> None:
        del missing_ok
        self.disk.pop(self.name, None)

    def replace(self, target: MemoryPath) -> MemoryPath:
        self.disk[target.name] = self.disk.pop(self.name)
        return target

    def write_bytes(self, content: bytes) -> None:
        self.disk[self.name] = content

    def write_text(self, text: str, encoding: str) -> None:
        self.disk[self.name] = text.encode(encoding)

    def read_text(self, encoding: str) -> str:
        return self.read_bytes().decode(encoding)

    def read_bytes(self) -> bytes:
        try:
            return self.disk[self.name]
        except KeyError:
            raise FileNotFoundError(self.name) from None


@dataclass
class Objects:
    """What all processes' stores hold."""

    content: dict[str, bytes]
    put: list[str]
    """Keys in the order in which they came, once for each coming."""


class MemoryStore:
    """One process' way to the object store."""

    def __init__(self, process: Process, objects: Objects) -> None:
        self._process = process
        self._world: World = process.world
        self._objects = objects

    async def _reach(self, what: str) -> None:
        await self._process.effect(f"store {what}")
        if self._world.dice.random() < self._world.weather.store:
            self._world.note(self._process.name, "store away")
            raise StorageUnavailableError

    async def head(self, key: str) -> ObjectInfo:
        await self._reach("head")
        content = self._objects.content.get(key)
        if content is None:
            raise ObjectNotFoundError
        return ObjectInfo(key, len(content), None, BEGINNING)

    async def read_range(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        content = self._objects.content.get(key)
        if content is None:
            raise ObjectNotFoundError
        yield content[start:end]

    async def get_file(self, key: str, path: MemoryPath) -> StoredObject:
        await self._reach("get")
        content = self._objects.content.get(key)
        if content is None:
            raise ObjectNotFoundError
        path.write_bytes(content)
        return StoredObject(key, len(content), _sha256(content))

    async def put_file(
        self, path: MemoryPath, key: str, *, content_type: str, sha256: str | None = None
    ) -> StoredObject:
        await self._reach("put")
        content = path.read_bytes()
        stored = StoredObject(key, len(content), _sha256(content))
        await self._world.sleep(0, 3)
        await self._process.effect(f"copy {key[-12:]}")
        known = self._objects.content.get(key)
        if known is None:
            self._objects.content[key] = content
            self._objects.put.append(key)
        elif known != content:
            raise ObjectConflictError
        await self._process.effect("stored", quiet=True)
        if self._world.dice.random() < self._world.weather.store:
            raise StorageUnavailableError
        return stored

    async def delete(self, keys: Iterable[str]) -> None:
        await self._reach("delete")
        for key in keys:
            self._objects.content.pop(key, None)

    async def list_objects(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        for key in [k for k in self._objects.content if k.startswith(prefix)]:
            yield ObjectInfo(key, 0, None, BEGINNING)

    async def sweep_temporary(self, before: datetime) -> int:
        return 0


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# What reads videos in child processes, for clips whose bytes say what they are.


async def prepare_video(path: MemoryPath, out: MemoryPath, *, decoders: DecoderPool) -> MemoryPath:
    _check(path)
    return path


async def inspect_video(path: MemoryPath, *, decoders: DecoderPool) -> VideoFacts:
    _check(path)
    content = path.read_bytes()
    sha256 = _sha256(content)
    return VideoFacts(1280, 720, 4.0, "h264", len(content), sha256, True, False, 96)


async def make_poster(path: MemoryPath, out: MemoryPath, *, decoders: DecoderPool) -> Poster:
    out.write_bytes(b"poster")
    return Poster(out, 1280, 720, 6, _sha256(b"poster"))


def _check(path: MemoryPath) -> None:
    if not path.read_bytes().startswith((b"clip:", b"render:")):
        raise VideoError
