"""What the options after -- make tshark do."""

# Options without a value, and those that choose what tshark prints.
FLAGS = set("2nlpISVxPqQhvLD")
PRINTING = set("VxPqQhvLDTeEOzwGjJY")
PRINTING_LONG = ("--color", "--export-objects", "--hexdump", "--print", "--help", "--version", "--display-filter")


def letters(options):
    """The one-letter options, each with its value or None; and the long ones, as they are."""
    found = []
    rest = list(options)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            found.append((word, None))
        elif word.startswith("-") and len(word) > 1:
            group = word[1:]
            while group:
                letter, group = group[0], group[1:]
                if letter in FLAGS:
                    found.append((letter, None))
                else:
                    value = group or (rest.pop(0) if rest else "")
                    found.append((letter, value))
                    group = ""
    return found


def prints_by_itself(options):
    """Whether they choose what is printed, so that our report has no place."""
    return any(letter in PRINTING or letter.startswith(PRINTING_LONG) for letter, _ in letters(options))


def two_passes(options):
    return any(letter == "2" for letter, _ in letters(options))


def display_filter(options):
    """The user's own, or None."""
    filters = [value for letter, value in letters(options) if letter == "Y"]
    filters += [word.partition("=")[2] for word in options if word.startswith("--display-filter=")]
    return filters[-1] if filters else None


def chooses_packets(options):
    """Whether something else than a display filter of ours says which packets matter: a filter, or a statistic of all."""
    return display_filter(options) is not None or any(letter in "zRqGhvDL" for letter, _ in letters(options))
