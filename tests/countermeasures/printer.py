"""The printer: names that command it, answers that nobody asked for, and pictures without end."""

from tests.countermeasures.terms import Changes, out

PRINTER: Changes = {
    "a name, title or note that commands the printer (cut, drawer, reset, status)": (
        out(
            "paper/safe.py",
            '_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}',
            "_DROPPED = set[str]()",
            tests=("test_no_name_commands_the_printer",),
            by=("UnicodeEncodeError",),
        ),
        out(
            "edge/core/escpos.py",
            'stripes.append(head + undisturbed(b"".join(row[:used] for row in stripe)))',
            'stripes.append(head + b"".join(row[:used] for row in stripe))',
            tests=("test_no_stripe_holds_one_across_its_rows",),
        ),
    ),
    "somebody in the printer's place who answers late, unasked, or with noise": (
        out(
            "edge/core/escpos_talk.py",
            "if byte & 0x90 == 0 and state.drained_asked and state.quiet_from is None:",
            "if byte & 0x90 == 0 and state.quiet_from is None:",
            tests=("test_answers_to_a_question_that_nobody_asked_are_ignored",),
        ),
        out(
            "edge/core/print_job.py",
            "if state.phase is Phase.FINISHING and process == state.job.confirmed_by:",
            "if process:",
            tests=("test_what_becomes_of_a_ticket",),
        ),
    ),
    "opening the cover, drawing the cable or the paper at the right moment, for a second ticket": (
        out(
            "edge/core/print_job.py",
            "outcome = Outcome.NOT_PRINTED if safe else Outcome.UNKNOWN",
            "outcome = Outcome.NOT_PRINTED if safe or fault else Outcome.UNKNOWN",
        ),
        out(
            "edge/core/print_job.py",
            "        return state, [Send(state.job.blocks[following])]\n",
            "        return state, [Send(block), Send(state.job.blocks[following])]\n",
        ),
    ),
    "a logo that is no picture, or a picture that unpacks without end": (
        out(
            "central/papers/admin.py",
            "            if image.width * image.height > PICTURE_PIXELS_MAX:\n",
            "            if not image.width:\n",
        ),
    ),
}
