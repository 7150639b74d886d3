"""Orders and configurations: replayed, late, another's, forged, or without end."""

from tests.countermeasures.terms import Changes, Edit, out
from tests.countermeasures.tickets import ANY_KEY

OBEDIENCE, STORE = "edge/core/obedience.py", "edge/store/obedience.py"
REPLAYED = (
    OBEDIENCE,
    "    if order.counter <= answered:\n        return Stray.REPLAYED\n",
    "",
)
FOREIGN = (
    OBEDIENCE,
    "    if addressed.device != device:\n        return Stray.FOREIGN\n",
    "",
)
FOREIGN_CONFIGURATION = (
    "edge/core/zone_text.py",
    "    if desired.device != device:\n        return Stray.FOREIGN\n",
    "",
)
EXPIRED = (OBEDIENCE, "    if wall > order.expires:\n", "    if False:\n")
UNSIGNED = (
    "wire/signed.py",
    "    if not genuine(signature, cose.to_be_signed(protected, payload, CONTEXT + purpose.encode())):\n",
    "    if False:\n",
)

ORDERS: Changes = {
    "an order to lower the clock's floor, said again or brought late": (
        out(*REPLAYED),
        out(*EXPIRED),
    ),
    "an order said once more, also after a restart or a repair": (
        out(
            *REPLAYED,
            tests=("test_a_replayed_order_is_refused_and_recorded_also_after_a_restart",),
        ),
        out(
            "edge/store/salvage.py",
            "        answers.carry_over(source, target)\n",
            tests=("test_is_carried_over_from_a_damaged_journal",),
        ),
    ),
    "an order held back and brought late": (out(*EXPIRED),),
    "an old order and old heartbeats, both played after a restart": (
        out(
            OBEDIENCE,
            "    if situation.floor > order.expires and not resets:\n",
            "    if False:\n",
            tests=("test_what_expired_before_the_floor_is_refused_but_what_lowers_it",),
        ),
        out(
            OBEDIENCE,
            '        return Words("启动后尚未收到中心签名的时间", "no signed time since this was started")\n',
            "        return None\n",
            tests=("test_without_a_heartbeat_in_this_life_nothing_is_obeyed",),
        ),
    ),
    "another device's order": (out(*FOREIGN),),
    "a forged order, or one with any bit flipped": (out(*UNSIGNED),),
    "an order signed by the key of a list, a time, a configuration, the root": (
        out(ANY_KEY.file, ANY_KEY.old, ANY_KEY.new),
    ),
    "any of these at a kiosk or a hub": (
        out(*REPLAYED, tests=("test_a_kiosk_sends_its_log_when_ordered_and_answers_once",)),
        out(
            *FOREIGN,
            tests=(
                "test_a_kiosk_says_what_it_cannot_do_and_turns_strangers_away",
                "test_a_hub_sends_its_log_when_ordered",
            ),
        ),
    ),
    "an order left at the broker for whoever comes": (
        out(
            STORE,
            "    if ordered.retained:\n        return Stray.RETAINED\n",
            tests=("test_a_retained_order_is_refused",),
        ),
        out(
            "central/orders/sending.py",
            "qos=0, retain=False",
            "qos=0, retain=True",
            tests=("test_an_order_is_sent_once_and_not_kept_by_the_broker",),
        ),
    ),
    "orders without end, to fill the disk or keep the gate busy": (
        out(
            "edge/core/strays.py",
            "    if window:\n",
            "    if False:\n",
            tests=("test_a_flood_of_strays_is_a_row_a_minute",),
        ),
        out(
            "edge/sync/carrier.py",
            "        if self._allowance < 1.0:\n",
            "        if False:\n",
            tests=("test_a_flood_of_orders_comes_through_at_a_persons_pace",),
        ),
    ),
    "people locked in, or in while it burns": (
        out(
            "edge/core/interruption.py",
            "    return told.mode is not Mode.LOCKED or not (exit_ or lane.state is State.RELEASED)\n",
            "    return True or exit_\n",
            tests=("test_every_signal_in_every_state",),
        ),
        out(
            OBEDIENCE,
            "        case wire.LockEntry():\n            if situation.fire:\n                return FIRE\n",
            "        case wire.LockEntry():\n",
            tests=("test_a_lock_is_refused_while_fire_is_latched",),
        ),
    ),
    "a pulled plug, to end a lock": (
        out(
            "edge/store/locks.py",
            '    return frozenset(lane for (lane,) in database.execute("SELECT lane FROM locked"))\n',
            "    return frozenset(database.execute(\"SELECT lane FROM locked WHERE lane = ''\"))\n",
        ),
    ),
    "an order without the permission": (
        out(
            "central/orders/admin.py",
            'return bool(request.user.has_perm("orders.give"))',
            "return True",
        ),
    ),
    "a configuration put back to an older one": (
        out(
            "edge/core/zone_text.py",
            "return Stray.ROLLED_BACK if desired.version < known else desired",
            "return desired",
        ),
    ),
    "a configuration that is forged, another device's, or rubbish": (
        out(
            *FOREIGN_CONFIGURATION,
            tests=(
                "test_what_is_not_ours_changes_nothing_and_is_recorded",
                "test_what_sync_does_not_even_pass_on_is_told_to_the_doors",
            ),
        ),
        out(
            *UNSIGNED,
            Edit(ANY_KEY.file, ANY_KEY.old, ANY_KEY.new),
            tests=(
                "test_what_is_not_ours_changes_nothing_and_is_recorded",
                "test_what_sync_does_not_even_pass_on_is_told_to_the_doors",
            ),
            note="The purpose is signed along, and each has its own key.",
        ),
        out(
            "central/ledger/footing.py",
            "in _turned_away(Row.objects.filter(received_ms__gte=since))",
            "in _turned_away(Row.objects.none())",
            tests=("test_a_forged_configuration_is_an_alarm",),
            by=("ValueError",),
        ),
    ),
    "a configuration that would stop the gate": (
        out(
            "edge/store/configuring.py",
            '            log.error("configuration %d refused: %s", desired.version, error)\n',
            "            configuration.take(configuration.prepare(self._directory, desired, False), 0)\n",
            tests=("test_a_bad_one_is_refused_whole_and_the_last_good_one_stays",),
            by=("ConfigError",),
        ),
        out(
            "central/identity/configuration.py",
            "    if len(written.encode()) > TEXT_BYTES_MAX:\n",
            '    if written:\n        return ""\n    if len(written.encode()) > TEXT_BYTES_MAX:\n',
            tests=("test_a_text_that_its_gate_would_refuse_is_refused_at_central",),
        ),
    ),
    "the same at a kiosk, also in the midst of a visit": (
        out(
            *FOREIGN_CONFIGURATION, tests=("test_what_is_not_ours_changes_nothing_and_is_recorded",)
        ),
        out(
            "edge/kiosk/chosen.py",
            "papers.read(paper or default.TEMPLATE)",
            "papers.read(default.TEMPLATE)",
            tests=("test_a_bad_one_is_refused_whole_and_the_last_good_one_stays",),
        ),
        out(
            "edge/kiosk/configuring.py",
            "lambda: daemon.at_rest",
            "lambda: True",
            tests=("test_nothing_changes_under_a_visitor",),
        ),
        out(
            "edge/store/configuration.py",
            'return f"ticket-{version}.toml"',
            'return "ticket-1.toml"',
            tests=("test_a_cut_at_any_step_leaves_one_of_the_two_whole",),
        ),
    ),
}
