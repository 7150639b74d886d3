"""What an admin tells a device to do or to be: orders, answered one by one, and configurations."""
