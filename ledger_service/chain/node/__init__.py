"""The durable local chain: an Ethereum node in one process over one SQLite file.

Owns blocks, transactions, receipts, world state and the pool of waiting transactions of the local chain, and
serves them as Ethereum JSON-RPC 2.0 on loopback. It is the only package that may import `eth` (py-evm): every
other part of the service sees a URL. It never knows what the contracts on it mean.

Reading order: `store` (the file), `trie` and `world` (state), `fork` and `engine` (execution), `seal`
(blocks), `chain` (mining), `lookup` and `logs` (reads), `methods` and `rpc` (JSON-RPC), `server` (HTTP and
the command line).
"""
