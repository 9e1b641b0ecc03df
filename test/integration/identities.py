"""Certificates, NKeys and JWTs for the servers of a test, and the files that hold them."""

import base64
import binascii
import datetime
import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority with its files in `folder`; `ca` is its certificate."""

    def __init__(self, folder: Path, name: str = "authority"):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            self._builder(self._name, self._key, now - DAY, now + DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key, start, end) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def issue(self, name: str, hosts: tuple[str, ...] = ("localhost", "127.0.0.1"), expired: bool = False) -> Pair:
        """A certificate for these hosts, good for servers and clients. An expired one ended yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        start, end = (now - 3 * DAY, now - DAY) if expired else (now - DAY, now + DAY)
        certificate = (
            self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, start, end)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pair.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


# The first byte of a key's text, by its role (the NKeys specification, github.com/nats-io/nkeys).
_SEED = 18 << 3
_ROLES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}


class NKey:
    """An Ed25519 key pair in the text form of NATS."""

    def __init__(self, role: str):
        self._key = Ed25519PrivateKey.generate()
        self._prefix = _ROLES[role]

    @property
    def public(self) -> str:
        """The public key, which is a name."""
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return _checked(bytes([self._prefix]) + raw)

    @property
    def seed(self) -> str:
        """The secret."""
        raw = self._key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        return _checked(bytes([_SEED | self._prefix >> 5, (self._prefix & 31) << 3]) + raw)

    def sign(self, claims: dict) -> str:
        """A JWT of these claims, issued by this key."""
        header = _base64({"typ": "JWT", "alg": "ed25519-nkey"})
        body = _base64({"iss": self.public, "iat": 1_700_000_000, "jti": "test", **claims})
        signature = base64.urlsafe_b64encode(self._key.sign(f"{header}.{body}".encode())).decode().rstrip("=")
        return f"{header}.{body}.{signature}"


def _checked(raw: bytes) -> str:
    """Base32 with a checksum behind the bytes."""
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _base64(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Operator:
    """An operator with one account that may use JetStream without limits."""

    def __init__(self):
        self._key, self._account, self._system = NKey("operator"), NKey("account"), NKey("account")

    def config(self) -> str:
        """What a server that trusts the operator has in its configuration."""
        operator = self._key.sign(
            {"sub": self._key.public, "name": "operator", "nats": {"type": "operator", "version": 2}}
        )
        system = self._key.sign(
            {"sub": self._system.public, "name": "system", "nats": {"type": "account", "version": 2, "limits": {"conn": -1}}}
        )
        names = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
        storage = ("mem_storage", "disk_storage", "streams", "consumer")
        limits = {**{name: -1 for name in names + storage}, "wildcards": True}
        account = self._key.sign({
            "sub": self._account.public, "name": "account",
            "nats": {"type": "account", "version": 2, "limits": limits, "default_permissions": {"pub": {}, "sub": {}}},
        })
        return (
            f"operator: {operator}\nsystem_account: {self._system.public}\nresolver: MEMORY\n"
            f"resolver_preload: {{ {self._account.public}: {account}, {self._system.public}: {system} }}\n"
            "jetstream { store_dir: $STORE_DIR }\n"
        )

    def creds(self, file: Path) -> Path:
        """A new user's credentials file."""
        user = NKey("user")
        limits = {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
        jwt = self._account.sign({"sub": user.public, "name": "user", "nats": {"type": "user", "version": 2, **limits}})
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )
        return file
