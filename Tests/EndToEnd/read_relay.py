"""read_relay RELAY KIND AUTHOR: prints the events of a kind by an author that a relay has, as JSON lines, read and verified by
rust-nostr. It must never use a line of ours."""

import asyncio
import os
import sys
from datetime import timedelta

import nostr_sdk as nostr


async def main():
    # Its callbacks come from threads that have no loop.
    nostr.uniffi_set_event_loop(asyncio.get_running_loop())
    relay, kind, author = sys.argv[1:]
    client = nostr.ClientBuilder().authenticator(nostr.SignerAuthenticator(nostr.Keys.generate())).build()
    await client.add_relay(nostr.RelayUrl.parse(relay))
    await client.connect()
    wanted = nostr.Filter().kind(nostr.Kind(int(kind))).author(nostr.PublicKey.parse(author))
    for event in await client.fetch_events(nostr.ReqTarget.auto([wanted]), timedelta(seconds=10)):
        if not event.verify():
            raise SystemExit("an event that does not verify")
        print(event.as_json(), flush=True)
    # Its own end may crash.
    os._exit(0)


asyncio.run(main())
