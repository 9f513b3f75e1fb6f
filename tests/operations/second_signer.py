"""A key holder that is not ours, as docs/custody.md describes its port: ``python -m … SOCKET BEHIND NAME …``.

The named keys live in a KMS that signs digests and nothing else, each time with other bytes and with high or
low s, as real ones do. Whatever concerns another key goes on, unread, to `alliance signer` behind it.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import sys
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.permits import slice_struct_hash
from ledger_service.kernel.secp256k1 import keccak256, recover_address

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS_TYPE = "MerchantKeys(uint64 merchant,address admin,address operations,address settlement,uint32 nonce)"
Json = Any


class Kms:
    """Keys that nobody sees: it tells public keys and signs digests, in DER."""

    def __init__(self, names: list[str]) -> None:
        self._keys = {name: ec.generate_private_key(ec.SECP256K1()) for name in names}

    def public_key(self, name: str) -> tuple[int, int] | None:
        if name not in self._keys:
            return None
        numbers = self._keys[name].public_key().public_numbers()
        return numbers.x, numbers.y

    def sign(self, name: str, digest: bytes) -> bytes:
        return self._keys[name].sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


class Holder:
    """What the port asks of the keys in the KMS."""

    def __init__(self, kms: Kms) -> None:
        self._kms = kms
        self._bound: tuple[int, bytes, bytes] | None = None

    def address(self, name: str) -> bytes | None:
        point = self._kms.public_key(name)
        return None if point is None else keccak256(b"".join(n.to_bytes(32, "big") for n in point))[-20:]

    def bind(self, chain_id: int, clearing_house: str, registry: str) -> None:
        self._bound = chain_id, bytes.fromhex(clearing_house), bytes.fromhex(registry)

    def answer(self, asked: list[Json]) -> Json:
        """Hex or a refusal; None for what concerns no key of ours."""
        kind, *fields = asked
        if kind == "address":
            found = self.address(fields[0])
            return None if found is None else found.hex()
        purpose = {"slice": "operations", "merchant-keys": "admin"}.get(kind)
        merchant = fields[1] if kind == "slice" else fields[0]
        name = f"merchant:{merchant:013d}:{purpose}" if purpose else ""
        if not purpose or self.address(name) is None:
            return None
        if self._bound is None:
            return {"code": "signing-refused", "params": {"reason": "not-bound-to-an-alliance"}}
        chain_id, house, registry = self._bound
        if kind == "slice":
            leaves = [bytes.fromhex(leaf) for leaf in fields[2]]
            digest = Domain(chain_id, house).digest(slice_struct_hash(fields[0], merchant, leaves))
        else:
            keys = [bytes.fromhex(key) for key in fields[1:4]]
            digest = Domain(chain_id, registry).digest(struct_hash(KEYS_TYPE, merchant, *keys, fields[4]))
        return self._signature(name, digest).hex()

    def _signature(self, name: str, digest: bytes) -> bytes:
        r, s = utils.decode_dss_signature(self._kms.sign(name, digest))
        plain = r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
        both = (plain + bytes([v]) for v in (27, 28))
        return next(one for one in both if recover_address(digest, one) == self.address(name))


class Front(socketserver.ThreadingUnixStreamServer):
    """The socket that the service and the bridge know."""

    daemon_threads = True

    def __init__(self, path: str, behind: str, holder: Holder) -> None:
        self.behind, self.holder = behind, holder
        super().__init__(path, Conversation)


class Conversation(socketserver.StreamRequestHandler):
    """One connection: four bytes of length, then JSON, there and back."""

    server: Front

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.server.behind)
            behind = line.makefile("rwb")
            while (message := _received(self.rfile)) is not None:
                _send(self.wfile, {"id": message["id"], "answers": self._answers(message, behind)})

    def _answers(self, message: Json, behind: Any) -> list[Json]:
        asked, holder = message["ask"], self.server.holder
        for kind, *fields in asked:
            if kind == "bind":
                holder.bind(*fields)
        answers = [holder.answer(one) for one in asked]
        rest = [one for one, answer in zip(asked, answers, strict=True) if answer is None]
        if rest:
            _send(behind, {"id": message["id"], "ask": rest})
            others = iter((_received(behind) or {})["answers"])
            answers = [next(others) if answer is None else answer for answer in answers]
        return answers


def _received(file: Any) -> Json:
    head = file.read(4)
    return json.loads(file.read(int.from_bytes(head, "big"))) if len(head) == 4 else None


def _send(file: Any, message: Json) -> None:
    raw = json.dumps(message).encode()
    file.write(len(raw).to_bytes(4, "big") + raw)
    file.flush()


def main(path: str, behind: str, *names: str) -> None:
    holder = Holder(Kms(list(names)))
    os.umask(0o177)
    with Front(path, behind, holder) as front:
        for name in names:
            print(f"{name} 0x{(holder.address(name) or b'').hex()}", flush=True)
        print("holding", flush=True)
        front.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
