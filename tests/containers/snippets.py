"""The blocks of the documents that the tests run as they are written."""

import re

from engines import ROOT


def blocks(name):
    """The fenced blocks of a document, and the indented ones."""
    page = (ROOT / name).read_text("utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```", page, re.S | re.M)
    indented = [re.sub("^    ", "", found, flags=re.M) for found in re.findall(r"(?:^    \S.*\n)+", page, re.M)]
    return [*fenced, *indented]


def block(name, first):
    """The one block that begins with these words. A document that has lost it fails the test."""
    (found,) = [text for text in blocks(name) if text.startswith(first)]
    return found


def section(name, title):
    page = (ROOT / name).read_text("utf-8")
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.S | re.M)
    return text


def commands(name, title):
    """The commands of docker in a section, without -it: nobody types here."""
    found = re.findall(r"^    docker (.*)$", section(name, title), re.M)
    assert found, f"{name}: {title} has no command of docker"
    return [re.sub(r" -it\b", "", line).split() for line in found]
