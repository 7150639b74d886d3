"""A camera: what can be held before it, and what it can be made to do."""

from tests.countermeasures.terms import Changes, out

CAMERAS: Changes = {
    "a sticker or a poster before a camera, so that no ticket is read": (
        out(
            "edge/core/sighting.py",
            "arrived = [sighting for sighting in picture if sighting.data not in known]",
            "arrived = [] if view.shown in in_sight else list(picture)",
        ),
    ),
    "a screen that shows a camera another code with each picture, to flood a lane": (
        out(
            "edge/core/sighting.py",
            "if arrived and silent_for >= view.pace.apart_seconds:",
            "if arrived:",
            tests=(
                "test_a_screen_that_changes_its_code_with_each_picture_is_slowed_down_and_loses_none_held",
            ),
        ),
        out(
            "edge/core/sighting.py",
            "[-KEPT_MAX:]",
            "",
            tests=(
                "test_whatever_is_before_it_only_what_is_in_sight_is_said_and_memory_has_an_end",
            ),
        ),
    ),
    "a code of a series, or any bytes in a code, to end what reads the camera": (
        out(
            "edge/drivers/camera/decoder.py",
            "except Exception:  # noqa: BLE001 - it raises on codes of a series, and that is no end.",
            "except OSError:",
            tests=("test_a_code_of_a_series_stops_nobody",),
        ),
        out(
            "edge/drivers/camera/decoder.py",
            "bytes(one.bytes)",
            "one.text.encode()",
            tests=("test_bytes_that_are_no_ticket_come_as_they_are",),
        ),
    ),
    "a picture that says that it is enormous, to use up a gate's memory": (
        out(
            "edge/drivers/camera/source.py",
            "if not 0 < mjpeg.pixels(raw.tobytes()) <= PIXELS_MAX:",
            "if not raw.size:",
        ),
    ),
    "visitors' faces, taken by a gate's camera": (
        out(
            "edge/drivers/camera/watcher.py",
            "        if not self._kept:\n            keep(grey, self._told.picture)",
            "        if not self._kept or self._told.command:\n"
            '            keep(grey, self._told.picture or f"{self._told.command[-1]}/last.png")',
        ),
    ),
}
