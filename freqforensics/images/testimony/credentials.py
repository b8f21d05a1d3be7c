"""Content credentials (C2PA): whether a file carries them, and what the library `c2pa-python` says of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from freqforensics.images.headers import ImageFormat
from freqforensics.images.testimony.statements import (
    Statement,
    generator_named,
    printable,
    program_statement,
    source_type_statement,
)

State = Literal["absent", "not verified", "trusted", "valid", "invalid", "unreadable"]

INSTALL: Final = "pip install 'freqforensics[c2pa]'"
"""What installs the library that verifies."""
_MOST: Final = 32
_LONGEST: Final = 4 << 20
_SETTINGS: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}  # nothing is asked of the network
_TYPES: Final[dict[str, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WebP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "HEIC": "image/heic",
    "AVIF": "image/avif",
}
_PICTURE_CHANGED: Final = ("assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch")


@dataclass(frozen=True)
class Credentials:
    """Content credentials (C2PA) of a file.

    Parameters
    ----------
    state : {"absent", "not verified", "trusted", "valid", "invalid", "unreadable"}
        "not verified" without the extra ``c2pa``; "valid": the signature holds, but whether its issuer may be believed
        was not checked; "trusted": the issuer is on the list of `c2pa-python`'s settings, too.
    generator : str
        Program that made the claim; empty where not known, as all texts here.
    issuer : str
        Who signed, by the certificate.
    signed_at : str
        Time of the signature, if a time stamp says it.
    actions : tuple of str
        What was done to the image, as "c2pa.created", in order.
    agents : tuple of str
        Programs that did it.
    source_types : tuple of str
        IPTC's digital source types of the image.
    part_types : tuple of str
        Those of pictures that were put into it.
    problems : tuple of str
        Codes of what does not hold.
    """

    state: State = "absent"
    generator: str = ""
    issuer: str = ""
    signed_at: str = ""
    actions: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()
    part_types: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the signature holds, and the file is what was signed."""
        return self.state in ("valid", "trusted")


def read_credentials(data: bytes, image_format: ImageFormat) -> Credentials:
    """Verify the content credentials of a file that carries some.

    Nothing is fetched from the network: neither credentials that are kept elsewhere nor lists of revoked certificates.

    Parameters
    ----------
    data : bytes
        The whole file.
    image_format : str
        Of `read_header`.

    Returns
    -------
    Credentials
    """
    try:
        import c2pa
    except (ImportError, OSError):  # OSError: its native part does not load
        return Credentials("not verified")
    try:
        context = c2pa.Context.from_dict(_SETTINGS)
        with context, c2pa.Reader(_TYPES[image_format], io.BytesIO(data), context=context) as reader:
            text = reader.json()
            if len(text) > _LONGEST:
                raise ValueError("too long")
            return _credentials(json.loads(text))
    except Exception as error:  # of damaged credentials; the library's errors have no common base
        return Credentials("unreadable", problems=(printable(str(error), longest=120),))


def _credentials(store: Mapping[str, Any]) -> Credentials:
    manifests = _mapping(store.get("manifests"))
    active = _mapping(manifests.get(str(store.get("active_manifest"))))
    signature = _mapping(active.get("signature_info"))
    line = list(_ancestors(active, manifests))
    steps = [step for manifest in reversed(line) for step in _actions(manifest)]
    parts = [
        _mapping(manifests.get(str(item.get("active_manifest"))))
        for manifest in line
        for item in _items(manifest.get("ingredients"))
        if item.get("relationship") != "parentOf"
    ]
    problems = _unique(str(item.get("code", "")) for item in _items(store.get("validation_status")))
    state = str(store.get("validation_state", "")).casefold()
    return Credentials(
        state="trusted" if state == "trusted" else "valid" if state == "valid" else "invalid",
        generator=_generator(active),
        issuer=printable(str(signature.get("issuer") or signature.get("common_name") or ""), longest=96),
        signed_at=printable(str(signature.get("time") or ""), longest=40),
        actions=_unique(str(step.get("action", "")) for step in steps),
        agents=_unique(_name(step.get("softwareAgent")) for step in steps),
        source_types=_unique(str(step.get("digitalSourceType", "")) for step in steps),
        part_types=_unique(str(step.get("digitalSourceType", "")) for part in parts for step in _actions(part)),
        problems=problems,
    )


def _ancestors(manifest: Mapping[str, Any], manifests: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give a manifest, that of the picture it was made from, and so on."""
    seen: list[Mapping[str, Any]] = []
    while manifest and len(seen) < _MOST and not any(manifest is known for known in seen):
        yield manifest
        seen.append(manifest)
        parents = [item for item in _items(manifest.get("ingredients")) if item.get("relationship") == "parentOf"]
        manifest = _mapping(manifests.get(str(parents[0].get("active_manifest")))) if parents else {}


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for assertion in _items(manifest.get("assertions")):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            yield from _items(_mapping(assertion.get("data")).get("actions"))


def _generator(manifest: Mapping[str, Any]) -> str:
    names = [_name(item) for item in _items(manifest.get("claim_generator_info"))]
    return names[0] if names and names[0] else printable(str(manifest.get("claim_generator") or ""), longest=96)


def _name(agent: object) -> str:
    """Name a program, which is written as text, or as name and version."""
    if isinstance(agent, Mapping):
        return printable(f"{agent.get('name', '')} {agent.get('version') or ''}", longest=96)
    return printable(agent, longest=96) if isinstance(agent, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value[:_MOST] if isinstance(item, Mapping)] if isinstance(value, list) else []


def _unique(texts: Iterator[str]) -> tuple[str, ...]:
    plain = (printable(text, longest=120) for text in texts)
    return tuple(dict.fromkeys(text for text in plain if text))[:_MOST]


def credential_statements(credentials: Credentials) -> Iterator[Statement]:
    """Say what a file's content credentials state.

    Parameters
    ----------
    credentials : Credentials

    Yields
    ------
    Statement
        First what became of the signature; none where credentials are absent.
    """
    if credentials.state == "absent":
        return
    signed = credentials.holds
    yield Statement(
        "provenance", "C2PA", "signature", credentials.state, signature_sentence(credentials), signed=signed
    )
    for name in dict.fromkeys((*credentials.agents, credentials.generator)):
        if generator_named(name):
            statement = program_statement("C2PA", "claim generator", name, signed=signed)
            if statement is not None:
                yield statement
    for part, types in ((False, credentials.source_types), (True, credentials.part_types)):
        for uri in types:
            statement = source_type_statement("C2PA", uri, part=part, signed=signed)
            if statement is not None:
                yield statement


def signature_sentence(credentials: Credentials) -> str:
    """Say in plain words what became of the signature of content credentials."""
    start = "The file carries content credentials (C2PA)"
    if credentials.state == "absent":
        return "The file carries no content credentials (C2PA)."
    if credentials.state == "not verified":
        return f"{start}. They were not verified: {INSTALL}."
    if credentials.state == "unreadable":
        return f"{start} that cannot be read: they are damaged, or not what they seem."
    by = f" by {credentials.issuer}" if credentials.issuer else ""
    if credentials.state == "invalid":
        what = (
            "the picture was changed after it was signed"
            if any(code in _PICTURE_CHANGED for code in credentials.problems)
            else "file or credentials were changed after signing, or the certificate was not good"
        )
        return f"{start} signed{by}, but the signature does not hold: {what}. Nothing that they say may be relied on."
    if credentials.state == "trusted":
        return f"{start} signed{by}. The signature holds, and its issuer is known: the file was not changed since."
    return (
        f"{start} signed{by}. The signature holds: the file was not changed since. Whether the issuer is who it says"
        " was not checked."
    )
