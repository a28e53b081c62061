"""A private certificate authority: one house's broker and its treadmills, and nobody else's.

Theory of operation
-------------------
The authority signs two kinds of certificates: the broker's, which names the hosts under which it is
reached and can only be a server, and those of clients, which name a treadmill or a machine and can only be
clients. Whoever has a treadmill's key can therefore not pose as the broker.

Every key is on the curve P-256: small and quick on a Raspberry Pi, known to every TLS library in use.
The certificates have the key identifiers that Python 3.13 demands.

A revoked certificate is in the revocation list until the authority itself expires. The list does not
expire earlier: mosquitto refuses everybody when its list is out of date, and a gym that cannot start its
treadmills after a year because nobody renewed a file would switch all of this off.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

LIFE_OF_AUTHORITY: Final = timedelta(days=3650)
"""Ten years, as long as a treadmill."""
LIFE: Final = timedelta(days=800)
"""Of all other certificates: Apple's devices trust no server's for longer than 825 days."""
BACKDATED: Final = timedelta(days=1)
"""A certificate is valid from a day before it was made: a Raspberry Pi's clock may be behind."""


class Identity(Struct, frozen=True):
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes


class Authority(Struct, frozen=True):
    """Signs certificates; whoever has its key can make any."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, name: str, now: datetime) -> Self:
        """Make a new authority."""
        key = _make_key()
        builder = _begin(name, key.public_key(), now, LIFE_OF_AUTHORITY).issuer_name(_name(name))
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, identity: Identity) -> Self:
        """Load an authority from PEM.

        Raises:
            ValueError: it is not one.
        """
        key = serialization.load_pem_private_key(identity.key, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the authority's key is not one of ours")  # noqa: TRY004  a file, no argument
        return cls(x509.load_pem_x509_certificate(identity.certificate), key)

    @property
    def identity(self) -> Identity:
        """The authority as PEM."""
        return Identity(to_pem(self.certificate), _key_to_pem(self.key))

    def issue_server(
        self, hosts: tuple[str, ...], now: datetime, key: bytes | None = None
    ) -> Identity:
        """Issue the broker's certificate, for these host names and addresses."""
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._issue(hosts[0], now, key, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def issue_client(self, name: str, now: datetime, key: bytes | None = None) -> Identity:
        """Issue a client's certificate; `key` is its present key, to be kept."""
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        return self._issue(name, now, key, ExtendedKeyUsageOID.CLIENT_AUTH, names)

    def revoke(self, certificates: tuple[x509.Certificate, ...], now: datetime) -> bytes:
        """Write the list of revoked certificates, PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(self.certificate.not_valid_after_utc)
            .add_extension(self._points_to_us(), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for certificate in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(now)
                .build()
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        name: str,
        now: datetime,
        key: bytes | None,
        purpose: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName,
    ) -> Identity:
        own = _make_key() if key is None else serialization.load_pem_private_key(key, None)
        if not isinstance(own, ec.EllipticCurvePrivateKey):
            raise ValueError(f"the key of {name!r} is not one of ours")  # noqa: TRY004  a file, no argument
        life = min(LIFE, self.certificate.not_valid_after_utc - now)
        certificate = (
            _begin(name, own.public_key(), now, life)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(names, critical=False)
            .add_extension(self._points_to_us(), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Identity(to_pem(certificate), _key_to_pem(own))

    def _points_to_us(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())


def expiry(certificate: bytes) -> datetime:
    """When a certificate expires, UTC."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def serial(certificate: bytes) -> str:
    """A certificate's serial number, as a part of a file name."""
    return f"{x509.load_pem_x509_certificate(certificate).serial_number:x}"


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC).replace(microsecond=0)


def to_pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def from_pem(certificate: bytes) -> x509.Certificate:
    """A certificate from PEM."""
    return x509.load_pem_x509_certificate(certificate)


def _key_to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _make_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begin(
    name: str, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
