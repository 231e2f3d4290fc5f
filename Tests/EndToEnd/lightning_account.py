"""What the tests of each kind of Lightning account share: the node's account and payments, and how its key is handed over.
It must never look past what the node itself says."""

import os


def hand_key(node, key):
    """Puts an account's key where ledger-d alone can read it."""
    folder = os.path.join(node.home, "state", "ledger-d")
    owner = os.stat(folder)
    path = os.path.join(folder, "lightning.key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(key + "\n")
    os.chown(path, owner.st_uid, owner.st_gid)


class LightningAccount:
    """For a test case that has a `node`."""

    def account(self):
        """The one account of the node."""
        (account,) = self.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    def payment(self, payment_hash):
        """The node's payment under a hash."""
        payments = self.node.call("ledger-d", "ledger.payments", {"limit": 200})["payments"]
        return next(p for p in payments if p["transaction"] == payment_hash)
