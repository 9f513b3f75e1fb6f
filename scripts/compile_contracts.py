#!/usr/bin/env python3
"""Compile the contracts and write their artifacts into the package, or check that they are up to date.

The compiler is npm's ``solc``; node and npm are needed here only, never to run the service. What is
compiled is the closure of the entry contracts' imports, and its hash stands in every artifact.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import storage_layout

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "ledger_service" / "chain" / "artifacts"
OF_TESTS = ROOT / "tests" / "contracts" / "artifacts"
COMPILER = CONTRACTS / "tools" / "solc"
BROKEN = "test/broken/BrokenTokens.sol"
GREATEST_CODE_BYTES = 24_576
IMPORT = re.compile(r'^\s*import\s[^"]*"([^"]+)"', re.MULTILINE)

SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 800},
    "viaIR": True,
    "evmVersion": "cancun",
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {
        "*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.methodIdentifiers",
                    "storageLayout"]}
    },
}


@dataclass(frozen=True)
class Entry:
    """A contract whose artifact is wanted, and where it is used."""

    contract: str
    source: str
    folder: Path = ARTIFACTS


def broken_tokens() -> list[str]:
    """The tokens that each break one rule of the standard, by which the tests try the conformance command."""
    text = (CONTRACTS / BROKEN).read_text(encoding="utf-8")
    return re.findall(r"^contract (\w+) is BrokenToken", text, re.MULTILINE)


ENTRIES = (
    Entry("AllianceRegistry", "src/AllianceRegistry.sol"),
    Entry("AlliancePoints", "src/AlliancePoints.sol"),
    Entry("ClearingHouse", "src/ClearingHouse.sol"),
    Entry("AccountMover", "src/AccountMover.sol"),
    Entry("RecoveryDesk", "src/RecoveryDesk.sol"),
    Entry("SettlementDesk", "src/SettlementDesk.sol"),
    Entry("ReserveDesk", "src/ReserveDesk.sol"),
    Entry("AllianceCoupons", "src/AllianceCoupons.sol"),
    Entry("ItemRegistry", "src/ItemRegistry.sol"),
    Entry("CampaignDesk", "src/CampaignDesk.sol"),
    Entry("TransparencyLog", "src/TransparencyLog.sol"),
    Entry("AccessManager", "@openzeppelin/contracts/access/manager/AccessManager.sol"),
    Entry("ContractSigner", "test/ContractSigner.sol", OF_TESTS),
    Entry("LooseDesk", "test/broken/LooseDesk.sol", OF_TESTS),
    *(Entry(name, BROKEN, OF_TESTS / "broken") for name in broken_tokens()),
)


def install() -> None:
    """The pinned npm packages stand in ``contracts/node_modules``."""
    if (CONTRACTS / "node_modules" / "solc" / "package.json").exists():
        return
    install = ["npm", "install", "--no-save", "--ignore-scripts"]
    subprocess.run(install, cwd=CONTRACTS, check=True, stdout=sys.stderr)


def read_source(name: str) -> str:
    """The text of a source unit: ours by its path under ``contracts/``, a package's by its import name."""
    base = CONTRACTS / "node_modules" if name.startswith("@") else CONTRACTS
    return (base / name).read_text(encoding="utf-8")


def closure(entry: str) -> dict[str, str]:
    """Every source unit that the entry imports, directly or not, by name."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = read_source(name)
        for imported in IMPORT.findall(found[name]):
            joined = os.path.normpath(os.path.join(os.path.dirname(name), imported))
            waiting.append(joined if imported.startswith(".") else imported)
    return dict(sorted(found.items()))


def source_hash(sources: dict[str, str]) -> str:
    """SHA-256 over the settings, the compiler's version and the sources: changes when the code could."""
    version = json.loads((CONTRACTS / "package.json").read_text())["devDependencies"]["solc"]
    text = json.dumps([version, SETTINGS, sources], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def compile_all(sources: dict[str, str]) -> dict[str, Any]:
    """The compiler's output; its warnings go to stderr, and an error ends the program."""
    import solcx

    job = {
        "language": "Solidity",
        "settings": SETTINGS,
        "sources": {n: {"content": t} for n, t in sources.items()},
    }
    try:
        output: dict[str, Any] = solcx.compile_standard(job, solc_binary=COMPILER)
    except solcx.exceptions.SolcError as error:
        sys.exit(error.message)
    for message in output.get("errors", []):
        print(message["formattedMessage"], file=sys.stderr)
    return output


def artifact(entry: Entry, output: dict[str, Any], digest: str) -> str:
    """The artifact's JSON text."""
    made = output["contracts"][entry.source][entry.contract]
    code = made["evm"]["deployedBytecode"]["object"]
    if len(code) // 2 > GREATEST_CODE_BYTES:
        sys.exit(f"{entry.contract} has {len(code) // 2} bytes of code, more than {GREATEST_CODE_BYTES}")
    version = json.loads((CONTRACTS / "package.json").read_text())["devDependencies"]["solc"]
    fields = {
        "contract": entry.contract,
        "compiler": f"solc {version}, {SETTINGS['evmVersion']}, viaIR, {SETTINGS['optimizer']['runs']} runs",
        "source_sha256": digest,
        "code_bytes": len(code) // 2,
        "method_identifiers": made["evm"]["methodIdentifiers"],
        "abi": made["abi"],
        "bytecode": "0x" + made["evm"]["bytecode"]["object"],
        "deployed_bytecode": "0x" + code,
    }
    return json.dumps(fields, indent=1) + "\n"


def drifted(digests: dict[str, str]) -> list[str]:
    """The contracts whose committed artifact was made from other sources or settings."""
    names = []
    for entry in ENTRIES:
        path = entry.folder / f"{entry.contract}.json"
        if not path.exists() or json.loads(path.read_text())["source_sha256"] != digests[entry.contract]:
            names.append(entry.contract)
    return names


def write(closures: dict[str, dict[str, str]], digests: dict[str, str]) -> None:
    """Every artifact is written anew."""
    sources = {name: text for parts in closures.values() for name, text in parts.items()}
    output = compile_all(dict(sorted(sources.items())))
    for entry in ENTRIES:
        entry.folder.mkdir(parents=True, exist_ok=True)
        text = artifact(entry, output, digests[entry.contract])
        (entry.folder / f"{entry.contract}.json").write_text(text)
        print(f"{entry.contract}: {json.loads(text)['code_bytes']:,} bytes of code")
    said = {e.contract: output["contracts"][e.source][e.contract]["storageLayout"] for e in ENTRIES}
    storage_layout.write({
        name: storage_layout.layout_of(said[name], digests[name]) for name in storage_layout.CONTRACTS
    })


def main() -> int:
    """The command line: compile, or with ``--check`` compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if an artifact is out of date"
    )
    parser.add_argument("--force", action="store_true", help="compile even if every artifact is up to date")
    arguments = parser.parse_args()
    install()
    closures = {entry.contract: closure(entry.source) for entry in ENTRIES}
    digests = {name: source_hash(parts) for name, parts in closures.items()}
    stale = drifted(digests) + storage_layout.drifted(digests)
    if arguments.check:
        print(f"out of date: {', '.join(stale)}" if stale else "artifacts are up to date")
        return 1 if stale else 0
    if stale or arguments.force:
        write(closures, digests)
    return 0


if __name__ == "__main__":
    sys.exit(main())
