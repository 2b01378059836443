"""The store's key pair: Ed25519 (RFC 8032), made when it is first needed.

The private key is a PEM file that only its owner may read; beside it lies the public one, to be kept
elsewhere too. Who can read the private key can sign anything: what a signature shows ends there. It does not
know what is signed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError, Refused
from whet.store import make_folder, sync_folder, world, write_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FOLDER = "keys"
PRIVATE, PUBLIC = "audit.key", "audit.pub"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def signer(home: Path, *, new: bool = False) -> Ed25519PrivateKey:
    """The store's private key; hold the log's lock, so that two processes do not make two.

    Args:
        new: nothing is signed yet, so that a missing key is made.

    Raises:
        Refused: others may read it; it is gone, and what it signed is still there.
        InputError: it is no Ed25519 key.
        WorldError: it cannot be written.
    """
    path = home / FOLDER / PRIVATE
    if path.exists():
        return _read(path)
    if not new:
        raise Refused(
            "the key that signs the audit log is gone: nothing can be added to the log.",
            where=path,
            fix="restore it from a backup of the store.",
        )
    return _make(path)


def public_key(home: Path, named: Path | None = None) -> Ed25519PublicKey | None:
    """The public key from a file, or the store's own; None where the store has none yet.

    Raises:
        InputError: the file is absent, or is no Ed25519 key in PEM.
    """
    path = named or home / FOLDER / PUBLIC
    if named is None and not path.exists():
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        found = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}.", where=path) from error
    except ValueError as error:
        raise InputError(
            "is no public key in PEM.", where=path, fix="name audit.pub of the store."
        ) from error
    if not isinstance(found, Ed25519PublicKey):
        raise InputError("is no Ed25519 key.", where=path, fix="name audit.pub of the store.")
    return found


def key_name(key: Ed25519PublicKey) -> str:
    """Its 32 bytes in hex."""
    return key.public_bytes_raw().hex()


def signed(key: Ed25519PublicKey, signature: str, data: bytes) -> bool:
    """Whether ``signature`` is the key's, over ``data``: in small hex digits, its one way to be written."""
    from cryptography.exceptions import InvalidSignature

    try:
        given = bytes.fromhex(signature)
        key.verify(given, data)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return given.hex() == signature


def _make(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization as as_
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(as_.Encoding.PEM, as_.PrivateFormat.PKCS8, as_.NoEncryption())
    public = key.public_key().public_bytes(as_.Encoding.PEM, as_.PublicFormat.SubjectPublicKeyInfo)
    make_folder(path.parent)
    # The public one first: a kill in between leaves no private key, and both are made anew.
    write_bytes(path.with_name(PUBLIC), public)
    _write_private(path, pem)
    return key


def _write_private(path: Path, pem: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with world(path):
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
        sync_folder(path.parent)


def _read(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if path.stat().st_mode & OTHERS:
        raise Refused(
            "others may read the key that signs the audit log.",
            where=path,
            fix=f"chmod 600 {path}; if others had access, what they could have signed proves nothing.",
        )
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise InputError(
            "is no private key in PEM.", where=path, fix="restore it from a backup of the store."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("is no Ed25519 key.", where=path, fix="restore it from a backup of the store.")
    return key
