"""Makes the text: verses of a small grammar, always the same. They rhyme in pairs."""

import random
from pathlib import Path

FILE = Path(__file__).with_name("verses.txt")
VERSES = 265

ANIMALS = ("cat", "owl", "hen", "fox", "mouse", "goose", "lamb", "toad")
KINDS = ("little", "merry", "sleepy", "hungry", "clever", "gentle")
WAYS = ("sat", "sang", "hid", "slept", "danced", "waited")
RHYMES = (
    ("under the tree", "drinking its tea"),
    ("upon the hill", "quiet and still"),
    ("behind the door", "asking for more"),
    ("beside the well", "ringing a bell"),
    ("all through the night", "holding a light"),
    ("down in the hay", "for half of the day"),
    ("close to the sea", "as glad as can be"),
    ("out in the rain", "again and again"),
)


def verse(chance: random.Random) -> str:
    """Two lines that rhyme."""
    animal, kind, way = chance.choice(ANIMALS), chance.choice(KINDS), chance.choice(WAYS)
    first, second = chance.choice(RHYMES)
    return f"The {kind} {animal} {way} {first},\nand there it {chance.choice(WAYS)}, {second}.\n"


def main() -> None:
    """Writes the text."""
    chance = random.Random(4)
    FILE.write_text("\n".join(verse(chance) for _ in range(VERSES)), encoding="utf-8")


if __name__ == "__main__":
    main()
