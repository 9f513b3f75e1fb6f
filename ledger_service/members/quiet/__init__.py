"""When and how often a member may be sent what it did not ask for: its quiet hours, and a cap a day.

Codes are asked for and go at once. Whatever else the system sends to a member asks here first.
"""
