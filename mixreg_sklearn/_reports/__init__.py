"""What people show of a fitted mixture: its summary and the profile of its segments."""
