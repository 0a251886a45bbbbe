"""The simulated parties beside a simulated platform: made, served and kept going."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dealing.back_office.secrets import BackOfficeSecrets
from dealing.back_office.serving import address_in, local_socket, told_address
from dealing.directory import DataDirectory
from dealing.process import run_until
from dealing.serving import serve
from exposure.model.accounts import Account
from feeds.simulator.parties.cash_desk import CashDesk
from feeds.simulator.parties.letters import PartySecrets
from feeds.simulator.parties.people import SimulatedAccount
from feeds.simulator.parties.post_office import Faults, PostOffice
from feeds.simulator.parties.process import parties_app, run_parties
from feeds.simulator.parties.store import PartyStore


async def keep_parties(
    directory: DataDirectory,
    accounts: list[Account],
    secrets: BackOfficeSecrets,
    rates: tuple[int, float],
    now_us: Callable[[], int],
    stop: asyncio.Event,
) -> None:
    """Be the parties until told to stop.

    Args:
        directory: Where they keep what they know, and say where they listen.
        accounts: Whose clients they serve.
        secrets: With what they sign, and are asked with.
        rates: The seed, and payments per minute.
        now_us: The wall clock.
        stop: Ends it.
    """
    seed, payments_per_min = rates
    store = PartyStore(directory.parties / "parties.db")
    known = [_simulated(one) for one in accounts]
    desk = CashDesk(known, store, seed, payments_per_min)
    post = PostOffice(store, _signing(secrets), address_in(directory.webhooks_file), Faults())
    app = parties_app(desk, known, secrets.parties, now_us)
    ended = asyncio.Event()
    try:
        with (
            local_socket("127.0.0.1", 0) as listening,
            told_address(directory.parties_file, listening),
        ):
            await run_until(
                ended,
                serve(app, listening, stop, ended),
                run_parties(desk, post, now_us, stop),
            )
    finally:
        store.close()


def _simulated(one: Account) -> SimulatedAccount:
    return SimulatedAccount(
        login=str(one.login),
        client_id=str(one.client_id),
        currency=str(one.currency),
        country=one.country,
        group=one.group,
        leverage=one.leverage,
        partner=one.ib_code,
    )


def _signing(secrets: BackOfficeSecrets) -> PartySecrets:
    return PartySecrets(
        stripe=secrets.webhooks["stripe"][0],
        sumsub=secrets.webhooks["sumsub"][0],
        payouts=secrets.webhooks["payouts"][0],
    )
