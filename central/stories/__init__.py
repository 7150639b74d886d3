"""What happened, told to people: incidents as stories, and tracks of tickets and devices."""
