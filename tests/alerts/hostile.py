"""Texts with which a seller may attack the reader of an alert.

Each contains MARK, by which a test finds it.
"""

from __future__ import annotations

MARK = "mark"

CORPUS = {
    "header injection": f"{MARK}\r\nBcc: victim@elsewhere.test\r\n\r\nnew body",
    "header injection, bare": f"{MARK}\nBcc: victim@elsewhere.test",
    "header injection, other line ends": f"{MARK}\x0bBcc: a@b.test\x0cX: y\x85Z: w\u2028V: u\u2029T: s",
    "encoded word": f"=?utf-8?q?{MARK}=0d=0aBcc:_victim@elsewhere.test?=",
    "script": f"<script>alert('{MARK}')</script>",
    "image": f'"><img src=x onerror=alert(1) alt="{MARK}">',
    "remote picture": f'<img src="https://tracker.test/p.png"> {MARK}',
    "style": f"</style><style>body{{display:none}}</style> {MARK}",
    "link": f'<a href="https://evil.test/login">{MARK}</a> https://evil.test/login www.evil.test',
    "javascript link": f"javascript:alert(1) data:text/html,{MARK}",
    "template": f"{{{{ 7 * 7 }}}} {{% include 'x' %}} ${{7*7}} {MARK}",
    "escape sequences": f"\x1b[31m{MARK}\x1b[0m \x1b]0;title\x07 "
    "\x1b]8;;https://evil.test\x1b\\link\x1b]8;;\x1b\\ \x9b2J",
    "control characters": f"{MARK}\x00\x01\x07\x08\x7f\x9f",
    "direction": f"{MARK} \u202e3elif.exe\u202c \u2066isolated\u2069 \u200f \u061c",
    "zero width": f"{MARK[:2]}\u200b\u200d\ufeff{MARK[2:]}",
    "tag characters": f"{MARK}\U000e0041\U000e0042",
    "stacked marks": f"{MARK} z" + "\u0300\u0301\u0302\u0303" * 200,
    "formula": f'=HYPERLINK("https://evil.test";"{MARK}")',
    "formula, DDE": f"@SUM(1+1)*cmd|' /C calc'!A0 {MARK}",
    "markdown": f"[{MARK}](https://evil.test) ![x](https://evil.test/p.png) `code`",
    "rich markup": f"[bold red]{MARK}[/] [link=https://evil.test]x[/link]",
    "mime boundary": f"--===============\r\nContent-Type: text/html\r\n\r\n{MARK}",
    "dot": f"{MARK}\r\n.\r\nMAIL FROM:<a@evil.test>",
    "lone surrogate": f"{MARK}\ud800",
    "very long": MARK + "很" * 1_000_000,
    "very long word": MARK + "x" * 1_000_000,
}
