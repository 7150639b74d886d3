"""What interrupts a lane: fire, the board itself, and people with a key or a command."""

from dataclasses import replace

from edge.core import notice
from edge.core.lane import Command, Do, Lane, Record, Show, State
from edge.core.opening import At, Step, call, holds, holds_group, resting, unresolved
from wire.event import AnyEvent, Mode, ModeChanged, OpenedByHand, Released, Secured


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
        ready=lane.ready,
        pulse_until=lane.pulse_until,
        abandoned=lane.abandoned,
        suspect=lane.suspect,
        beam_since=lane.beam_since,
    )
    held: list[Command] = [Do.LET_GO] if holds(lane, at) else []
    # Shown first: people are leaving, the record can follow.
    return released, [Show(notice.EVACUATE), *held, Record((*events, Released()))]


def secured(lane: Lane, at: At) -> Step:
    if lane.state is not State.RELEASED:
        return lane, []
    closed = replace(lane, state=State.CLOSED, heads=0)
    held: list[Command] = [Do.HOLD] if lane.mode is Mode.FREE_PASS else []
    return closed, [Record((Secured(heads=lane.heads),)), *held, Show(resting(closed, at.habits))]


def board_said(lane: Lane, ready: bool, at: At) -> Step:
    """The board is ready, or not; a person being let in, or led out, is not shown it."""
    changed = replace(lane, ready=ready)
    return changed, [Show(resting(changed, at.habits))] if lane.state is State.CLOSED else []


def mode_set(lane: Lane, mode: Mode, by: str, at: At) -> Step:
    if mode is lane.mode:
        return lane, []
    released, ends_free = lane.state is State.RELEASED, lane.mode is Mode.FREE_PASS
    changed = replace(lane, mode=mode, heads=lane.heads if released else 0)
    # What is counted while released is said when it is over.
    heads = lane.heads if ends_free and not released else 0
    commands: list[Command] = [Record((ModeChanged(mode=mode, by=by, heads=heads),))]
    group = lane.admission is not None and holds_group(lane.admission, at)
    if not released and not group:
        if mode is Mode.FREE_PASS:
            commands.append(Do.HOLD)
        elif ends_free:
            commands.append(Do.LET_GO)
    if lane.state in (State.CLOSED, State.RELEASED):
        commands.append(Show(resting(changed, at.habits)))
    return changed, commands


def open_once(lane: Lane, by: str, why: str, at: At) -> Step:
    record = Record((OpenedByHand(by=by, why=why),))
    if lane.state is not State.CLOSED or lane.mode is Mode.FREE_PASS:
        return lane, [record]  # It is open, or about to be: never two at once.
    opened, pulse = call(replace(lane, state=State.OPENED, admission=None, late=None), at)
    return opened, [record, *pulse, Show(notice.go(1))]
