"""PKCS#11 tokens of SoftHSM, in a folder of the test's own. Its module reads SOFTHSM2_CONF when it is initialized."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pkcs11 import Session

PIN = "a PIN of 1234"
_OFFICER_PIN = "the officer's PIN"
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so")


class SoftHsm:
    """Make all tokens first: a module that is in use does not look for new ones."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module = next(module for module in _MODULES if Path(module).exists())
        (folder / "tokens").mkdir()
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
        monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
        monkeypatch.setenv("PYKCS11LIB", self.module)

    def make_token(self, label: str) -> None:
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", _OFFICER_PIN]
        subprocess.run(command, check=True, capture_output=True, timeout=30)

    @contextmanager
    def writing(self, label: str = "release") -> "Iterator[Session]":
        import pkcs11

        with pkcs11.lib(self.module).get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
            yield session

    def make_p256(self, number: int = 2, **options: Any) -> None:
        self.make_ec("secp256r1", number, **options)

    def make_ec(self, curve: str, number: int = 2, label: str = "release", **options: Any) -> None:
        from pkcs11 import Attribute, KeyType
        from pkcs11.util.ec import encode_named_curve_parameters

        with self.writing(label) as session:
            curve_parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
            parameters = session.create_domain_parameters(KeyType.EC, curve_parameters, local=True)
            parameters.generate_keypair(id=bytes([number]), store=True, **options)

    def make_ed25519(self, number: int = 2) -> None:
        from pkcs11 import Attribute, KeyType, Mechanism
        from pkcs11.util.ec import encode_named_curve_parameters

        with self.writing() as session:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("1.3.101.112")}
            parameters = session.create_domain_parameters(KeyType.EC_EDWARDS, curve, local=True)
            parameters.generate_keypair(id=bytes([number]), store=True, mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN)

    def make_rsa(self, number: int = 2, bits: int = 2048) -> None:
        from pkcs11 import KeyType

        with self.writing() as session:
            session.generate_keypair(KeyType.RSA, bits, id=bytes([number]), store=True)

    def destroy_keys(self) -> None:
        with self.writing() as session:
            for found in list(session.get_objects()):
                found.destroy()

    def finalize(self) -> None:
        """Have the next test's configuration read. Not `pkcs11.unload`: objects that are still around call into the module."""
        import pkcs11

        pkcs11.lib(self.module).finalize()


@pytest.fixture
def softhsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHsm]:
    """SoftHSM without a token."""
    softhsm = SoftHsm(tmp_path, monkeypatch)
    yield softhsm
    softhsm.finalize()


@pytest.fixture
def token(softhsm: SoftHsm) -> SoftHsm:
    """SoftHSM with a token named `release`, without keys."""
    softhsm.make_token("release")
    return softhsm
