"""Frames are followed, others are asked, and who does not answer is a problem."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from dealing.alerts.model import Look
from dealing.alerts.sources.frame import FrameSettings, FrameSource
from dealing.alerts.sources.polling import Poll, ask_flow, ask_hedging, ask_system, follow_frames
from dealing.alerts.sources.system import SystemSource
from dealing.flow.ports import Only
from exposure.account_books import AccountBooks, BookPlace
from exposure.errors import DisconnectedError
from tests.dealing.alerts.sources.made_frames import NOW_US, account, crossing, frame
from tests.dealing.alerts.sources.test_flow import client, cluster, found
from tests.dealing.hub_fakes import MemorySnapshotSource


def test_every_frame_is_looked_at_and_silence_is_told():
    frames, looks = MemorySnapshotSource(), []

    async def story():
        whole = asyncio.Event()

        async def give(look):
            looks.append(look)
            if len(looks) == 1:
                frames.give(frame(crossings=[crossing()], accounts=[account()]))
            if len(looks) == 3:
                whole.set()

        source = FrameSource(FrameSettings(kept_events=10), {})
        following = asyncio.create_task(follow_frames(frames, source, give, lambda: NOW_US, 0.01))
        await whole.wait()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    asyncio.run(story())

    assert [one.rule for look in looks for one in look.readings] == ["stop_out"]
    assert (looks[0].measured, looks[2].measured) == ({"engine_lag"}, {"engine_lag"})


def test_who_does_not_answer_is_a_problem_until_he_does():
    look, looks = Look(source="flow", at_us=1, readings=()), []
    answers = [DisconnectedError("the engine is away"), look]

    async def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def give(look):
        looks.append(look)

    async def story():
        poll = Poll("flow", 1.0, ask, give)
        await poll.once()
        first = poll.problem
        await poll.once()
        return first, poll.problem

    assert asyncio.run(story()) == ("flow cannot be looked at: the engine is away", "")
    assert looks == [look]


class Queries:
    """FlowQueries and HedgingQueries of a quiet engine."""

    def __init__(self, *groups):
        self.asked = []
        self.groups = list(groups)

    async def clients(self, asked):
        self.asked.append((asked.only, asked.book))
        return found(client()) if asked.only is Only.TO_MOVE else found()

    async def clusters(self):
        return self.groups

    async def books_of(self, logins, clients):
        return [AccountBooks("1", name, BookPlace("A", 1.0), (), 0, 0.0, 0) for name in clients]

    async def hedging(self, asked):
        return {"as_of_ms": 5.0, "feed_is_live": True, "not_kept": "", "symbols": []}


def test_the_flow_book_is_asked_for_alarmed_clients_and_those_to_move():
    queries = Queries()

    look = asyncio.run(ask_flow(queries, lambda: NOW_US))

    assert queries.asked == [(Only.TO_MOVE, ""), (Only.ALARMED, "B"), (Only.ALARMED, "C")]
    assert [one.rule for one in look.readings] == ["toxic_client"]


def test_clusters_that_are_in_book_a_already_are_left_alone():
    look = asyncio.run(ask_flow(Queries(cluster("C1", "C2")), lambda: NOW_US))

    assert [one.rule for one in look.readings] == ["toxic_client"]


def test_hedging_and_the_system_are_asked(tmp_path):
    hedging = asyncio.run(ask_hedging(Queries(), lambda: NOW_US))
    system = asyncio.run(ask_system(tmp_path / "none", SystemSource({}), lambda: NOW_US))

    assert (hedging.source, hedging.at_us) == ("hedging", NOW_US)
    assert (system.source, system.readings) == ("system", ())
