"""What is printed: the venue's template, the sheet it becomes, and how a sheet looks.

One engine for all who print: the kiosk, the box office, central's preview, the simulators.
"""
