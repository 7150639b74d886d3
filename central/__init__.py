"""The server: where admins work, where every device's journal ends, where lists are made."""
