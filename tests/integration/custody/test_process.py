"""The signing process for real: started, killed with signal 9, started again; strangers and noise."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.custody.client import SignerClient
from ledger_service.custody.errors import (
    CustodialLimitReached,
    KeystoreUnusable,
    SignerUnavailable,
    SigningRefused,
)
from ledger_service.custody.keystore import create_keystore, import_key, load_keystore
from ledger_service.custody.requests import AddressOfKey, BindDomain, SignSlice, SignSpendPermit
from ledger_service.custody.wire import receive_message, send_message
from ledger_service.kernel.secp256k1 import address_text

BOND = BindDomain(31337, b"\xcc" * 20, b"\xdd" * 20)
ACCOUNT = b"\xaa" * 20
_PROGRAM = """
import sys
from pathlib import Path
from ledger_service.custody.process import SignerSettings, main
from ledger_service.custody.vault import CustodialLimits
limits = CustodialLimits(5_000_000, 10_000_000)
settings = SignerSettings(Path(sys.argv[1]), Path(sys.argv[2]), replay=True, limits=limits)
sys.exit(main(sys.argv[3:], settings))
"""


class Signer:
    """A signing process and where it lives."""

    def __init__(self, directory: Path) -> None:
        self.keystore = directory / "keystore.json"
        self.socket = directory / "signer.sock"
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self._line(*arguments), input=stdin, capture_output=True, text=True, check=False
        )

    def start(self) -> None:
        """The process serves afterwards."""
        self.process = subprocess.Popen(self._line("serve"), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("signing on ")

    def stop(self, how: signal.Signals) -> int:
        """The process has ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process = None
        return code

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", _PROGRAM, str(self.keystore), str(self.socket), *arguments]


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    """A signer that serves."""
    made = Signer(tmp_path)
    assert made.command("init").returncode == 0
    made.start()
    yield made
    if made.process is not None:
        made.stop(signal.SIGKILL)


@pytest.fixture
def client(signer: Signer) -> Iterator[SignerClient]:
    """A client that bound the signer to the alliance."""
    made = SignerClient(signer.socket)
    made.bind(BOND)
    yield made
    made.close()


def permit(nonce: int, micros: int = 4_000_000) -> SignSpendPermit:
    """A custodial permit on one fixed day."""
    return SignSpendPermit(ACCOUNT, nonce, micros, 1_790_000_000)


def test_socket_keystore_and_journal_belong_to_their_user_alone(signer: Signer, client: SignerClient) -> None:
    for path in (signer.socket, signer.keystore, signer.keystore.with_name("keystore.json.journal")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_after_kill_9_the_same_keys_sign_and_the_day_is_remembered(
    signer: Signer, client: SignerClient
) -> None:
    relayer = client.address_of("relayer")
    signature = client.sign_spend_permit(permit(1))
    signer.stop(signal.SIGKILL)
    assert signer.socket.exists()
    signer.start()
    # The client's idle connection is broken; it finds the new process by itself.
    assert client.address_of("relayer") == relayer
    assert client.sign_spend_permit(permit(1)) == signature
    client.sign_spend_permit(permit(2))
    with pytest.raises(CustodialLimitReached):
        client.sign_spend_permit(permit(3))


def test_a_client_waits_for_a_restart_and_gives_up_when_there_is_none(
    signer: Signer, client: SignerClient
) -> None:
    signer.stop(signal.SIGKILL)
    begun = time.monotonic()
    with pytest.raises(SignerUnavailable):
        SignerClient(signer.socket, patience_ms=300).address_of("relayer")
    assert time.monotonic() - begun < 5
    answers: list[bytes] = []
    patient = SignerClient(signer.socket, patience_ms=20_000)
    asking = threading.Thread(target=lambda: answers.append(patient.address_of("relayer")))
    asking.start()
    signer.start()
    asking.join(timeout=20)
    patient.close()
    assert len(answers) == 1


def test_sigterm_ends_it_cleanly_and_removes_the_socket(signer: Signer, client: SignerClient) -> None:
    assert signer.stop(signal.SIGTERM) == 0
    assert not signer.socket.exists()


def test_a_second_process_on_the_same_socket_is_refused(signer: Signer, client: SignerClient) -> None:
    second = signer.command("serve")
    assert second.returncode == 2
    assert "another signing process" in second.stderr
    assert len(client.address_of("relayer")) == 20


def test_thousands_of_requests_go_in_one_call_and_many_threads_share_a_client(client: SignerClient) -> None:
    assert len(set(client.custodial_addresses([i.to_bytes(20, "big") for i in range(2_500)]))) == 2_500
    slices = [SignSlice(i, 9520001000010, (b"\x01" * 32,)) for i in range(200)]
    expected = client.sign_slices(slices)
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(client.sign_slices(slices) == expected))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02{]",
        b"\x00\x00\x00\x02[]",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x01\x86\xa0" + b"[" * 100_000,
    ],
)
def test_noise_closes_only_its_own_connection(signer: Signer, client: SignerClient, noise: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(signer.socket))
        raw.sendall(noise)
        raw.shutdown(socket.SHUT_WR)
        assert _is_closed(raw)
    assert len(client.address_of("relayer")) == 20


def test_requests_that_cannot_be_read_are_refused_one_by_one(signer: Signer, client: SignerClient) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(signer.socket))
        send_message(raw, {"id": 1, "ask": [["export-seed"], ["address", "relayer"]]})
        answer = receive_message(raw)
    refusal = {"code": "signing-refused", "params": {"reason": "unreadable-request"}}
    assert answer == {"id": 1, "answers": [refusal, refusal]}
    (unknown,) = client.ask([AddressOfKey("seed")])
    assert isinstance(unknown, SigningRefused)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_is_not_served_even_where_the_files_would_let_it() -> None:
    with tempfile.TemporaryDirectory() as name:
        open_to_all = Path(name)
        open_to_all.chmod(0o755)
        signer = Signer(open_to_all)
        signer.command("init")
        signer.start()
        signer.socket.chmod(0o666)
        served = [_asks_as(user, signer.socket) for user in (0, 65534)]
        signer.stop(signal.SIGKILL)
    assert served == [True, False]


def _asks_as(user: int, path: Path) -> bool:
    """Whether a process of this user, once connected, gets an answer."""
    pid = os.fork()
    if pid == 0:
        os.setuid(user)
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(str(path))
        os._exit(1 if _is_closed(stranger, b'\0\0\0\x26{"id":1,"ask":[["address","relayer"]]}') else 0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _is_closed(connection: socket.socket, message: bytes = b"") -> bool:
    try:
        connection.sendall(message)
        return connection.recv(1) == b""
    except OSError:
        return True


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
    with pytest.raises(KeystoreUnusable):
        import_key(signer.keystore, name, bytes(32))
    assert stat.S_IMODE(signer.keystore.stat().st_mode) == 0o600
    assert address_text(b"\x01" * 20).lower() == "0x" + "01" * 20


def test_a_release_lets_custody_be_bound_again_for_a_migration(signer: Signer, client: SignerClient) -> None:
    other = BindDomain(31337, b"\xee" * 20, b"\xdd" * 20)
    with pytest.raises(SigningRefused):
        client.bind(other)
    signer.stop(signal.SIGTERM)
    assert signer.command("release").returncode == 0
    signer.start()
    client.bind(other)


def test_a_socket_path_that_is_too_long_is_refused_with_its_reason(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    signer.command("init")
    signer.socket = tmp_path / ("s" * 120)
    refused = signer.command("serve")
    assert (refused.returncode, "longer than" in refused.stderr) == (2, True)
