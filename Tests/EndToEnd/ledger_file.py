"""What a node's ledger file holds, read beside its daemon or when that has gone: where no method tells so much.
It must never write."""

import contextlib
import json
import os
import sqlite3


def rows(node, query, *values):
    """The answer to one question."""
    path = os.path.join(node.home, "state", "ledger-d", "ledger.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as book:
        return book.execute(query, values).fetchall()


def secret(node):
    """The node's key."""
    with open(os.path.join(node.home, "state", "ledger-d", "node.key"), encoding="ascii") as file:
        return bytes.fromhex(file.read().strip())


def vouchers(node, job):
    """The vouchers that came since a job was promised on the node's one channel, lowest first, as x402 has them."""
    ((ident, config),) = rows(node, "SELECT id, config FROM channel")
    found = rows(node, "SELECT ceiling, signature FROM voucher WHERE at >= (SELECT at FROM pledge WHERE job = ?)"
                       " ORDER BY ceiling", job)
    return [{"channel": "0x" + ident.hex(), "config": json.loads(config), "ceiling": ceiling,
             "signature": "0x" + signature.hex()} for ceiling, signature in found]


def charges(node):
    """What each job was charged, where it was anything."""
    return dict(rows(node, "SELECT job, amount FROM charge WHERE amount > 0"))


def set_aside(node):
    """Accounts of what is set aside and is not empty."""
    return rows(node, "SELECT account, amount FROM balance WHERE account GLOB 'held:*' AND amount <> 0 AND transfer ="
                      " (SELECT max(transfer) FROM balance AS last WHERE last.account = balance.account"
                      " AND last.asset = balance.asset)")
