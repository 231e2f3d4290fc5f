#!/usr/bin/env python3
# make.py SPEC: takes every example out of BOLT 11's text (lightning/bolts, 11-payment-encoding.md) and writes
# bolt11.json beside itself. What the valid ones say is read by an independent decoder: PyPI bolt11==2.2.0, bitstring<5.
# It must never be run by a test: the JSON is committed, and this is how it was made.

import json
import pathlib
import re
import sys

import bolt11

text = pathlib.Path(sys.argv[1]).read_text()
valid_part, invalid_part = text.split("# Examples of Invalid Invoices")
valid_part = valid_part.split("\n# Examples\n")[1]


def examples(part):
    return re.findall(r"^> #+ (.+)\n[> \n]*(\w+)$", part, re.M)


valid = []
for title, invoice in examples(valid_part):
    read = bolt11.decode(invoice)
    valid.append({
        "title": title, "invoice": invoice, "network": read.currency, "amount_msat": read.amount_msat,
        "created_at": read.date, "expiry": read.expiry, "payment_hash": read.payment_hash,
        "payment_secret": read.payment_secret, "description": read.description,
        "description_hash": read.description_hash, "metadata": read.metadata,
        "min_final_cltv": read.min_final_cltv_expiry, "payee": read.payee,
    })
invalid = [{"title": title, "invoice": invoice} for title, invoice in examples(invalid_part)]
out = pathlib.Path(__file__).with_name("bolt11.json")
out.write_text(json.dumps({"valid": valid, "invalid": invalid}, indent=1, ensure_ascii=False) + "\n")
print(len(valid), "valid,", len(invalid), "invalid")
