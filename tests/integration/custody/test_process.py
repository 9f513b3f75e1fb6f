"""The signing process for real: started, killed with signal 9, started again; strangers and noise."""

from __future__ import annotations

import os
import signal
import socket
import stat
import tempfile
import threading
import time
from pathlib import Path

import pytest

from ledger_service.custody.client import SignerClient
from ledger_service.custody.errors import (
    CustodialLimitReached,
    SignerUnavailable,
    SigningRefused,
)
from ledger_service.custody.requests import (
    AddressOfKey,
    BindDomain,
    SignSlice,
    SignSpendPermit,
    SignTransaction,
)
from ledger_service.custody.wire import receive_message, send_message
from ledger_service.kernel.chain_tx import Fee, Unsigned
from ledger_service.kernel.secp256k1 import recover_address
from tests.integration.custody.signer import BOND, Signer

ACCOUNT = b"\xaa" * 20


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


def test_a_contract_made_elsewhere_is_allowed_while_the_signer_runs(
    signer: Signer, client: SignerClient
) -> None:
    elsewhere = Unsigned(BOND.chain_id, 0, Fee(2, 1), 100_000, b"\x66" * 20, b"\x01")
    asked = SignTransaction("operator", elsewhere.encoded())
    with pytest.raises(SigningRefused):
        client.sign_transaction(asked)
    assert signer.command("allow", "0x" + "66" * 19).returncode == 2
    assert signer.command("allow", "0x" + "66" * 20).returncode == 0
    assert recover_address(elsewhere.digest(), client.sign_transaction(asked)) == client.address_of(
        "operator"
    )
