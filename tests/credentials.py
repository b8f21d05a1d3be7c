"""Files signed with content credentials (C2PA), by certificates that are made here."""

from __future__ import annotations

import datetime
import io
from functools import cache

import pytest
from statements import TRAINED, saved, scene

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "AVIF": "image/avif", "TIFF": "image/tiff"}
_ALL_TYPES = {**TYPES, "HEIF": "image/heic"}


@cache
def signer():
    """A signer by a leaf certificate, issued by a root of its own that nobody trusts."""
    c2pa = pytest.importorskip("c2pa")
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.UTC)

    def name(words):
        oids = (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME)
        return x509.Name([x509.NameAttribute(oid, words) for oid in oids])

    def certificate(words, key, issuer, issuer_key, *, authority):
        usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
        builder = x509.CertificateBuilder(
            issuer_name=name(issuer),
            subject_name=name(words),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(days=1),
            not_valid_after=now + datetime.timedelta(days=30),
        )
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
        builder = builder.add_extension(usage, critical=True)
        if not authority:
            purposes = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purposes, critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        return builder.add_extension(identifier, critical=False).sign(issuer_key, hashes.SHA256())

    root, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = (
        certificate("Test Signer", leaf, "Test Root", root, authority=False),
        certificate("Test Root", root, "Test Root", root, authority=True),
    )
    pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", pem, leaf.private_bytes(*form), None))


def signed(kind="JPEG", *, source=TRAINED, agent="Test Model", data=None, ingredient=None, relation="parentOf"):
    """A signed file; `ingredient` is one that it was made from, or that was put into it."""
    signer_made = signer()
    import c2pa

    step = {"action": "c2pa.created", "digitalSourceType": source, "softwareAgent": {"name": agent}}
    if ingredient is not None and relation == "parentOf":
        step = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["one"]}}
    manifest = {
        "claim_generator_info": [{"name": "Test Program", "version": "1.0"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [step]}}],
    }
    settings = {"verify": {"verify_after_sign": False}, "builder": {"thumbnail": {"enabled": False}}}
    out = io.BytesIO()
    with c2pa.Context.from_dict(settings) as context, c2pa.Builder(manifest, context) as builder:
        if ingredient is not None:
            about = {"title": "part", "relationship": relation, "instance_id": "one", "label": "one"}
            builder.add_ingredient(about, TYPES["JPEG"], io.BytesIO(ingredient))
        builder.sign(signer_made, _ALL_TYPES[kind], io.BytesIO(data or saved(scene(), kind)), out)
    return out.getvalue()


def forget_c2pa(monkeypatch):
    """Make `import c2pa` fail, as without the extra."""
    import sys

    monkeypatch.setitem(sys.modules, "c2pa", None)
