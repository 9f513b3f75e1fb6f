"""The keystore file: made once, for its owner alone, never followed through a link."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ledger_service.custody.errors import KeystoreUnusable
from ledger_service.custody.keystore import create_keystore, import_key, load_keystore
from ledger_service.kernel.secp256k1 import address_text
from tests.integration.custody.signer import Signer


def test_a_keystore_is_made_once_and_refused_when_others_can_read_it(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    missing = signer.command("serve")
    assert (missing.returncode, "signer init" in missing.stderr) == (2, True)
    assert signer.command("init").returncode == 0
    before = signer.keystore.read_bytes()
    assert signer.command("init").returncode == 2
    assert signer.command("init", "--if-missing").returncode == 0
    assert signer.keystore.read_bytes() == before
    for mode in (0o640, 0o604, 0o700):
        signer.keystore.chmod(mode)
        assert signer.command("serve").returncode == 2
    signer.keystore.chmod(0o400)
    load_keystore(signer.keystore)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"form":"x","seed":"00","keys":{}}', b"\xff"]
)
def test_a_file_that_is_no_keystore_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keystore.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeystoreUnusable):
        load_keystore(path)


def test_a_link_to_a_keystore_is_not_followed(tmp_path: Path) -> None:
    create_keystore(tmp_path / "real.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    with pytest.raises(KeystoreUnusable):
        load_keystore(tmp_path / "link.json")


def test_a_key_is_imported_by_name_and_shown_as_an_address(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    signer.command("init")
    name = "merchant:9520001000010:operations"
    brought = signer.command("import-key", name, stdin="0x" + "07" * 32 + "\n")
    assert brought.returncode == 0
    shown = signer.command("addresses", "relayer", name)
    assert shown.stdout.splitlines()[1] == brought.stdout.strip()
    assert signer.command("import-key", name, stdin="nonsense\n").returncode == 2
    assert signer.command("addresses", "nobody").returncode == 2
    told = [line.split()[0] for line in signer.command("addresses").stdout.splitlines()]
    assert told == ["approver", "operator", "relayer"], "each pays for gas, so each is to be funded"
    with pytest.raises(KeystoreUnusable):
        import_key(signer.keystore, name, bytes(32))
    assert stat.S_IMODE(signer.keystore.stat().st_mode) == 0o600
    assert address_text(b"\x01" * 20).lower() == "0x" + "01" * 20
