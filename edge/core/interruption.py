"""What interrupts a lane: fire, the board itself, and people with a key, a card or a command."""

from dataclasses import replace
from typing import assert_never

from edge.core import notice
from edge.core.lane import CalledOffBy, Command, Do, Lane, ModeSet, Record, Show, State
from edge.core.opening import (
    At,
    Step,
    call,
    call_off,
    holds,
    holds_group,
    resting,
    shown_if_changed,
    unresolved,
)
from rules.zone import CardDoes, StaffCard
from wire.event import AnyEvent, Direction, Mode, ModeChanged, OpenedByHand, Released, Secured


def fire(lane: Lane, at: At) -> Step:
    if lane.state is State.RELEASED:
        return lane, []
    events: tuple[AnyEvent, ...] = ()
    admission = lane.admission
    if lane.state is State.OPENED and admission and not admission.assumed:
        waiting = [(admission.admission, n) for n in range(lane.person, admission.last + 1)]
        events = unresolved(waiting, at.habits.board_counts, "fire")
    released = Lane(
        state=State.RELEASED,
        mode=lane.mode,
        mode_until=lane.mode_until,
        ready=lane.ready,
        pulse_until=lane.pulse_until,
        abandoned=lane.abandoned,
        relay_lost=lane.relay_lost,
        suspect=lane.suspect,
        blind=lane.blind,
        beam_since=lane.beam_since,
        heads_before=lane.heads,
        judged=lane.judged,
        decided=lane.decided if lane.judged else b"",
    )
    released = call_off(released, CalledOffBy.FIRE)
    held: list[Command] = [Do.LET_GO] if holds(lane, at) else []
    # Shown first: people are leaving, the record can follow.
    return released, [Show(notice.EVACUATE), *held, Record((*events, Released()))]


def secured(lane: Lane, at: At) -> Step:
    if lane.state is not State.RELEASED:
        return lane, []
    state = State.JUDGING if lane.judged else State.CLOSED
    closed = replace(lane, state=state, heads=lane.heads_before, heads_before=0)
    held: list[Command] = [Do.HOLD] if lane.stays_open else []
    return closed, [Record((Secured(heads=lane.heads),)), *held, Show(resting(closed, at.habits))]


def board_said(lane: Lane, ready: bool, at: At) -> Step:
    """The board is ready, or not; a person being let in, or led out, is not shown it."""
    changed = replace(lane, ready=ready)
    return changed, [Show(resting(changed, at.habits))] if lane.state is State.CLOSED else []


def relay_found(lane: Lane, found: bool, at: At) -> Step:
    """Where nothing opens nobody is asked in; who is on the way has the usual time."""
    after = replace(lane, relay_lost=not found)
    return after, shown_if_changed(lane, after, at)


def mode_set(lane: Lane, told: ModeSet, at: At) -> Step:
    """The last one to say something is obeyed, be it a person at the key or a command."""
    if (told.mode, told.until) == (lane.mode, lane.mode_until) or not _allowed(lane, told, at):
        return lane, []
    released, changes = lane.state is State.RELEASED, told.mode is not lane.mode
    counted = 0
    changed = replace(lane, mode=told.mode, mode_until=told.until)
    if changes and released:  # What is counted while released is said when it is over.
        counted, changed = lane.heads_before, replace(changed, heads_before=0)
    elif changes:
        counted, changed = lane.heads, replace(changed, heads=0)
    event = ModeChanged(mode=told.mode, by=told.by, heads=counted)
    commands: list[Command] = [Record((event,))]
    group = lane.admission is not None and holds_group(lane.admission, at)
    if not released and not group and changed.stays_open is not lane.stays_open:
        commands.append(Do.HOLD if changed.stays_open else Do.LET_GO)
    if told.mode is not Mode.NORMAL:
        changed = call_off(changed, CalledOffBy.MODE)
    if changes and lane.state is not State.OPENED:
        commands.append(Show(resting(changed, at.habits)))
    return changed, commands


def _allowed(lane: Lane, told: ModeSet, at: At) -> bool:
    """Only an entry is ever locked, and never one that fire has released."""
    exit_ = at.habits.free or at.habits.direction is Direction.EXIT
    return told.mode is not Mode.LOCKED or not (exit_ or lane.state is State.RELEASED)


def open_once(lane: Lane, by: str, why: str, at: At) -> Step:
    record = Record((OpenedByHand(by=by, why=why),))
    if lane.state not in (State.CLOSED, State.JUDGING) or lane.stays_open:
        return lane, [record]  # It is open: never two at once.
    opened = replace(lane, state=State.OPENED, admission=None, late=None, unseen=lane.blind)
    opened, pulse = call(call_off(opened, CalledOffBy.HAND), at)
    shown = notice.EXIT if at.habits.free else notice.go(1)
    return opened, [record, *pulse, Show(shown)]


def card_shown(lane: Lane, card: StaffCard, at: At) -> Step:
    """A card that sets a mode takes it back where it is shown again."""
    by = f"card: {card.name}"
    match card.does:
        case CardDoes.FREE_PASS if lane.mode is not Mode.FREE_PASS:
            until = at.now + card.minutes * 60
            return mode_set(lane, ModeSet(Mode.FREE_PASS, by, until), at)
        case CardDoes.OUT_OF_SERVICE if lane.mode is not Mode.OUT_OF_SERVICE:
            return mode_set(lane, ModeSet(Mode.OUT_OF_SERVICE, by), at)
        case CardDoes.FREE_PASS | CardDoes.OUT_OF_SERVICE:
            return mode_set(lane, ModeSet(Mode.NORMAL, by), at)
        case CardDoes.OPEN_ONCE if lane.state is State.OPENED:
            return lane, [Show(notice.PLEASE_WAIT)]  # Never two at once; nothing was done.
        case CardDoes.OPEN_ONCE if lane.state is State.RELEASED or lane.stays_open:
            return lane, [Show(resting(lane, at.habits))]
        case CardDoes.OPEN_ONCE:
            return open_once(lane, by, "", at)
        case CardDoes.KIOSK:
            return lane, []
        case _:
            assert_never(card.does)
