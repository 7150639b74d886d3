"""The list's update between two versions of a list, told everything it can be told.

An answer is told only while it is waited for: that others are ignored is for the tests to show.
"""

from collections.abc import Iterator
from dataclasses import replace

from edge.core import list_update
from edge.core.list_terms import (
    Announced,
    AnyCommand,
    AnySignal,
    Arrived,
    Beat,
    Chained,
    Command,
    Doing,
    Failed,
    Fetched,
    Held,
    Holding,
    ListUpdate,
    Signal,
)
from edge.core.moment import Moment
from tools.explore import Move
from wire.snapshot import Delta, Heartbeat, Manifest

HEADS = {1: b"head 1", 2: b"head 2"}
OTHER = b"another chain"
START = ListUpdate()


def list_moves(state: ListUpdate) -> Iterator[Move[ListUpdate, AnyCommand]]:
    """Yield one move for each signal now, and one for waiting until something is due."""
    told = [(label, signal, 0.0) for label, signal in _signals(state)]
    due = list_update.due(state)
    if due is not None:
        told.append(("time-out", Signal.DUE, max(due, 0.0)))
    for label, signal, now in told:
        after, commands = list_update.step(state, signal, Moment(1_783_000_000.0 + now, now))
        yield Move(state, label, signal, now, after, tuple(commands), _settle(after, now))


def _signals(state: ListUpdate) -> list[tuple[str, AnySignal]]:
    manifest = Manifest("v", "v2", 2, HEADS[2], 1, b"", 1, b"", 1, 0, 1, b"")
    fits = Chained(Delta(2, HEADS[1]), HEADS[2])
    strange = Chained(Delta(2, OTHER), OTHER)
    told: list[tuple[str, AnySignal]] = [
        ("heartbeat", Beat(Heartbeat("v", sequence, head, 0.0), live))
        for sequence, head in (*HEADS.items(), (2, OTHER))
        for live in (True, False)
    ]
    told += [("delta arrives", Arrived(fits)), ("delta arrives", Arrived(strange))]
    found = Holding(state.has or Held(1, HEADS[1]))
    newest = Holding(Held(2, HEADS[2]))
    answers: dict[Doing, list[tuple[str, AnySignal]]] = {
        Doing.RESTING: [] if state.has else [("list on disk", found)],
        Doing.MANIFEST: [("manifest came", Announced(manifest))],
        Doing.SNAPSHOT: [("list on disk", newest), ("list on disk", found)],
        Doing.DELTAS: [
            ("deltas came", Fetched((fits,))),
            ("no deltas came", Fetched(())),
            ("strange deltas came", Fetched((strange,))),
        ],
        Doing.APPLYING: [("list on disk", newest), ("chain broken", Signal.CHAIN_BROKEN)],
    }
    failed: list[tuple[str, AnySignal]] = [("failed", Failed(0.5))]
    return told + answers[state.doing] + (failed if state.doing is not Doing.RESTING else [])


def _settle(state: ListUpdate, now: float) -> ListUpdate:
    """Return the state as it would be were it now uptime 0."""
    behind = state.behind_since
    return replace(
        state,
        heard_at=0.0 if state.heard else START.heard_at,
        behind_since=None if behind is None else max(behind - now, -list_update.BEHIND_SECONDS),
        look_at=max(state.look_at - now, 0.0),
        rest_until=max(state.rest_until - now, 0.0),
    )


def deed(command: AnyCommand) -> str:
    if isinstance(command, Command):
        return "FetchManifest"
    return type(command).__name__
