"""Commands in Markdown, and what they are said to print.

Three forms are read:

    a fenced block with lines that begin with "$ "      a command, and what it prints up to the next one
    an indented block                                   one command a line
    `tshark ...`, `tools/decode ...` in a sentence      a command

In what is printed, a line "..." stands for any number of lines.
"""

import re
import textwrap

INLINE = re.compile(r"`((?:tshark|tools/decode) [^`]+)`")


def examples(text):
    """(command, what it prints as a list of lines) of each fenced block."""
    for block in re.findall(r"(?ms)^```\w*\n(.*?)^```$", text):
        command, printed = None, []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, printed
                command, printed = line[2:], []
            elif command is not None:
                printed.append(line)
        if command is not None:
            yield command, printed


def commands(text):
    """Those without output: indented ones and those in sentences."""
    text = re.sub(r"(?ms)^```.*?^```$", "", text)
    for block in re.findall(r"(?m)(?:^\n)((?:^ {4}\S.*\n)+)", text):
        yield from textwrap.dedent(block).splitlines()
    sentences = re.sub(r"(?m)^ {4}.*$", "", text)
    yield from INLINE.findall(re.sub(r"\n *", " ", sentences))


def agrees(printed, expected):
    """Whether the lines are those that are expected, trailing spaces and empty lines at both ends aside."""
    pattern = "".join("(?:.*\n)*?" if line.strip() == "..." else re.escape(line.rstrip()) + "\n"
                      for line in "\n".join(expected).strip("\n").splitlines())
    lines = "".join(line.rstrip() + "\n" for line in printed.strip("\n").splitlines())
    return re.fullmatch(pattern, lines) is not None
