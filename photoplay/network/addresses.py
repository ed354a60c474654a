"""Which addresses may be called: pure judgements over texts and numbers, no look-ups.

The public Internet over https is open; everything else only inside the operator's allowed networks
(`PHOTOPLAY_ALLOWED_NETWORKS`). An address is taken apart by one strict grammar and put together
again from the judged parts, so that what is dialled later cannot be read in a second way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)
from typing import Final, Self
from urllib.parse import quote

from yarl import URL

from photoplay.network.errors import UrlNotAllowedError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_CHARACTERS: Final = 8192
PUBLIC_PORTS: Final = frozenset({80, 443, 8080, 8443})
"""Ports on which the public Internet serves files; others only inside the allowed networks."""

# Not the public Internet. Beside `is_global`, whose answers differ between Python versions.
# Source: IANA IPv4 and IPv6 special-purpose address registries, checked 2026-11.
_SPECIAL_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",  # reserved, with the broadcast address
        "168.63.129.16/32",  # Azure's host agent: looks public, answers only inside
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, AMT
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",
        "3fff::/20",
    )
)
# No setting opens these: they are no hosts, or they hand out the machine's own credentials.
_NEVER: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "fe80::/10",
        "ff00::/8",
    )
)
# Prefixes that carry an IPv4 address in their last 32 bits: compatible, mapped, translated, NAT64.
_CARRIES_V4: Final = tuple(
    IPv6Network(text)
    for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})

# Names of machines in somebody's own network, also where a wildcard makes them resolve elsewhere.
_PRIVATE_SUFFIXES: Final = frozenset(
    {
        "alt", "arpa", "cluster", "consul", "corp", "home", "internal", "intranet", "invalid",
        "lan", "local", "localdomain", "localhost", "onion", "private", "svc", "test", "workgroup",
    }
)  # fmt: skip

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<tail>[^#]*)(?:#.*)?"
)
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[^\[\]@]*\]|[^:\[\]@]*)(?::(?P<port>[0-9]{1,5})?)?", re.ASCII
)
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# WHATWG: a host whose last label is a number is an IPv4 address, in whatever spelling.
_NUMBER_LAST: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# Every printable ASCII character stays as it came: signatures cover the exact spelling.
_KEPT: Final = "".join(map(chr, range(0x21, 0x7F)))

_NOT_PUBLIC: Final = "it does not lead to the public Internet"
_ONLY_HTTPS: Final = "it must begin with https://"
_MALFORMED: Final = "it is not a complete web address"
_ODD_HOST: Final = "its host is written in an unusual way"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where requests may go.

    Attributes:
        allowed_networks: networks of the operator's own in which plain http, any port and private
            addresses are allowed. Link-local, multicast and metadata addresses stay refused.
    """

    allowed_networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, networks: Iterable[str]) -> Self:
        """Return the policy that allows these CIDRs beside the public Internet.

        Raises:
            ValueError: names the text that is no network; correct the setting.
        """
        parsed: list[Network] = []
        for text in networks:
            try:
                parsed.append(ip_network(text.strip(), strict=False))
            except ValueError:
                raise ValueError(f"{text.strip()!r} is no network such as 10.0.0.0/8") from None
        return cls(tuple(parsed))

    def contains(self, address: Address) -> bool:
        """Say whether the operator has allowed this very address, and an IPv4 one it carries."""
        if any(address in network for network in _NEVER):
            return False
        if not any(address in network for network in self.allowed_networks):
            return False
        carried = carried_ipv4(address)
        return carried is None or is_public(carried) or self.contains(carried)

    def permits(self, address: Address) -> bool:
        """Say whether https to this address is allowed."""
        return is_public(address) or self.contains(address)

    def choose(self, checked: CheckedUrl, addresses: Sequence[Address]) -> tuple[Address, ...]:
        """Return those of the resolved addresses that may be dialled for this URL, at least one.

        One bad answer among good ones refuses the whole name: an honest one has none. Inside the
        allowed networks the others are left out instead, as `localhost` is often both 127.0.0.1
        and ::1.

        Raises:
            UrlNotAllowedError: none may be dialled.
        """
        if checked.confined_by is not None:
            chosen = tuple(a for a in addresses if self.contains(a))
            if not chosen:
                raise UrlNotAllowedError(
                    checked.confined_by if all(map(is_public, addresses)) else _NOT_PUBLIC
                )
            return chosen
        if not addresses or not all(map(self.permits, addresses)):
            raise UrlNotAllowedError(_NOT_PUBLIC)
        return tuple(addresses)


@dataclass(frozen=True, slots=True, repr=False)
class CheckedUrl:
    """An address that passed `check_url`; its name is not resolved yet.

    Attributes:
        url: canonical spelling, without fragment; path and query as they came.
        scheme: `http` or `https`.
        host: lower-case ASCII name or address, without brackets.
        port: given or default.
        address: the host where it is a literal address, already judged; else None.
        confined_by: why only the allowed networks may be dialled, or None for the public Internet.
    """

    url: str
    scheme: str
    host: str
    port: int
    address: Address | None
    confined_by: str | None

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: credentials never cross it."""
        return self.scheme, self.host, self.port

    def __repr__(self) -> str:
        return f"CheckedUrl({self.scheme}://{self.host}:{self.port})"


def check_url(url: str, policy: AddressPolicy) -> CheckedUrl:
    """Return the address in its judged parts if it may be called as far as its text tells.

    Raises:
        UrlNotAllowedError: it may not; no later try can help.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise UrlNotAllowedError("it is too long")
    if "\\" in url or any(c <= " " or unicodedata.category(c)[0] in "CZ" for c in url):
        raise UrlNotAllowedError("it has blanks, backslashes or invisible characters")
    match = _URL.fullmatch(url)
    if match is None:
        raise UrlNotAllowedError(_MALFORMED)
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise UrlNotAllowedError(_ONLY_HTTPS)
    if "@" in match["authority"]:
        raise UrlNotAllowedError("it carries a user name or password")
    authority = _AUTHORITY.fullmatch(match["authority"])
    if authority is None or not authority["host"]:
        raise UrlNotAllowedError(_MALFORMED)
    host, address = _read_host(authority["host"])
    port = int(authority["port"] or _DEFAULT_PORTS[scheme])
    if not 1 <= port <= 65535:
        raise UrlNotAllowedError(_MALFORMED)
    checked = CheckedUrl(
        url=_spell(scheme, host, port, match["tail"]),
        scheme=scheme,
        host=host,
        port=port,
        address=address,
        confined_by=_confinement(scheme, host, port, address),
    )
    if checked.confined_by is not None and not policy.allowed_networks:
        raise UrlNotAllowedError(checked.confined_by)
    if address is not None:
        policy.choose(checked, (address,))
    return checked


def is_public(address: Address) -> bool:
    """Say whether the address is an ordinary one of the public Internet."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _SPECIAL_V4)
    return (
        address.is_global
        and address in _GLOBAL_V6
        and address.scope_id is None
        and carried_ipv4(address) is None
        and not any(address in network for network in _SPECIAL_V6)
    )


def carried_ipv4(address: Address) -> IPv4Address | None:
    """Return the IPv4 address a translator would find in an IPv6 one, or None."""
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return None
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    low = int(address) & 0xFFFFFFFF
    if any(address in network for network in _CARRIES_V4):
        return IPv4Address(low)
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(low)
    return None


def _read_host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except AddressValueError:
            raise UrlNotAllowedError(_ODD_HOST) from None
        if address.scope_id is not None:
            raise UrlNotAllowedError(_ODD_HOST)
        return str(address), address
    name = text.lower()
    if not name.isascii():
        name = _to_ascii(name)
        if _NUMBER_LAST.fullmatch(name.removesuffix(".")):
            raise UrlNotAllowedError(_ODD_HOST)
    if _NUMBER_LAST.fullmatch(name.removesuffix(".")):
        try:
            literal = IPv4Address(name)
        except AddressValueError:
            raise UrlNotAllowedError(_ODD_HOST) from None
        return str(literal), literal
    name = name.removesuffix(".")
    if not _NAME.fullmatch(name):
        raise UrlNotAllowedError(_ODD_HOST)
    return name, None


def _to_ascii(name: str) -> str:
    try:
        encoded = URL.build(scheme="https", host=name).raw_host
    except ValueError:
        raise UrlNotAllowedError(_ODD_HOST) from None
    return encoded or ""


def _confinement(scheme: str, host: str, port: int, address: Address | None) -> str | None:
    if scheme != "https":
        return _ONLY_HTTPS
    if port not in PUBLIC_PORTS:
        return "its port is not one for web pages and files"
    if address is None and ("." not in host or host.rpartition(".")[2] in _PRIVATE_SUFFIXES):
        return "its name belongs to a private network"
    return None


def _spell(scheme: str, host: str, port: int, tail: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORTS[scheme]:
        shown = f"{shown}:{port}"
    path = tail if tail.startswith("/") else f"/{tail}"
    spelled = f"{scheme}://{shown}{quote(path, safe=_KEPT)}"
    read = URL(spelled, encoded=True)
    if (read.scheme, read.raw_host, read.port) != (scheme, host, port):
        raise UrlNotAllowedError(_ODD_HOST)
    return spelled
