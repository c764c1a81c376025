"""What the command line says, and how it refuses."""


class Refusal(Exception):
    """An error in the command or the data; its message is for the user."""


class Failure(Exception):
    """A fit without an answer; its message is for the user."""


def plain(text):
    """Text on one line, without characters that would command the terminal."""
    words = " ".join(str(text).split())
    return "".join(char if char.isprintable() else "?" for char in words)


def count(number, noun):
    """A number with its noun: "1 row", "2 rows"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
