"""A camera, watched by a process of its own: `reader_camera` starts it, `watch` is what runs."""
