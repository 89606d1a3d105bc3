"""Large letters of blocks, three by five, for what has to be read from where the arm is."""

from __future__ import annotations

HEIGHT = 5
_FONT = (
    "A25755 B65656 C34443 D65556 E74647 F74644 G34553 H55755 I72227 J11152 K55655 L44447 M57755 N65555 O25552 P65644 "
    "Q25573 R65655 S34216 T72222 U55557 V55552 W55775 X55255 Y55222 Z71247 057775 126227 261247 361216 455711 574616 "
    "634757 771222 875757 975716 -00700 .00002 _00007 /11244 +02720 '22000 (24442 )21112"
)
_GLYPHS = {word[0]: tuple(int(row) for row in word[1:]) for word in _FONT.split()} | {" ": (0,) * HEIGHT}
"""For each letter five rows of three bits, the highest bit on the left."""


def lettered(text: str, width: int, block: str) -> list[str] | None:
    """Five rows of blocks, as wide as the room allows.

    Args:
        text: what to write; small letters look like large ones.
        width: columns there are.
        block: what a dot is drawn with, one column wide.

    Returns:
        The rows, all of one length; None where a letter is not known, or there is not enough room.
    """
    glyphs = [_GLYPHS.get(letter) for letter in text.upper()]
    known = [glyph for glyph in glyphs if glyph is not None]
    needed = 4 * len(glyphs) - 1
    if len(known) < len(glyphs) or not 0 < needed <= width:
        return None
    wide = 2 if 2 * needed <= width else 1
    return [_row([glyph[row] for glyph in known], block * wide, " " * wide) for row in range(HEIGHT)]


def _row(bits: list[int], on: str, off: str) -> str:
    return off.join("".join(on if each & bit else off for bit in (4, 2, 1)) for each in bits)
