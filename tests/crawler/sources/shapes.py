"""Pages in the shape of real programs, with invented words, and what a reader sees of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Shape:
    """One program's page: `post` is repeated, and reads as the lines of `text`; `{n}` is its number."""

    head: str
    post: str
    text: str
    tail: str = "</body></html>"

    def page(self, posts: int) -> str:
        return self.head + "".join(self.post.replace("{n}", str(n)) for n in range(posts)) + self.tail

    def words(self, posts: int) -> str:
        return "\n".join(self.text.replace("{n}", str(n)) for n in range(posts))

    def posts_in(self, size: int) -> int:
        """How many posts make a page of about `size` bytes, and no more than that."""
        room = size - len((self.head + self.tail).encode())
        sizes: Iterator[int] = (len(self.post.replace("{n}", str(n)).encode()) for n in count())
        posts = 0
        while (room := room - next(sizes)) >= 0:
            posts += 1
        return posts


SHAPES = {
    "mybb": Shape(
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/'
        'xhtml1-transitional.dtd"><!-- start: showthread -->\n<html xml:lang="en" lang="en" '
        'xmlns="http://www.w3.org/1999/xhtml"><head><title>Quiet harbour</title></head><body>',
        '<!-- start: postbit_classic -->\n<div class="post classic " id="post_{n}"><div class="post_author">'
        '<!-- start: postbit_avatar --><img src="/a.png" alt="" /><!-- end: postbit_avatar -->otter</div>'
        '<div class="post_body scaleimages" id="pid_{n}">Lanterns, lot {n}<br />\nof <b>nine</b></div></div>'
        "<!-- end: postbit_classic -->",
        "otter\nLanterns, lot {n}\nof nine",
    ),
    "phpbb": Shape(
        '<!DOCTYPE html><html dir="ltr" lang="en-gb" xmlns:fb="http://www.facebook.test/2008/fbml">'
        "<head><meta charset='windows-1251'><title>Harbour</title></head><body id=phpbb class='nojs ltr '>",
        '<div id="p{n}" class="post has-profile bg2"><dl class="postprofile"><dt>heron</dt></dl>'
        '<div class="content">Ropes № {n} <!-- s:) --><img src="./images/smilies/icon.gif" alt=":)" />'
        '<!-- s:) -->and knots<fb:like href="https://harbour.example/" send="true"></fb:like></div></div>\n',
        "heron\nRopes № {n} and knots",
    ),
    "vbulletin": Shape(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        'dir="ltr" lang="en"><head><title>Harbour</title><!--[if IE]><link href="ie.css"><![endif]--></head>'
        "<body>",
        '<!-- post #{n} --><table id="post{n}"" class="tborder" cellpadding="6"><tr><td class="alt2">badger'
        '</td><td class="alt1" id="td_post_{n}"><!-- message --><div id="post_message_{n}">Sails, bale {n}'
        "</div><!-- / message --></td></tr></table><!-- / post #{n} -->\n",
        "badger\nSails, bale {n}",
    ),
    "xenforo": Shape(
        '<!DOCTYPE html><html id="XF" lang="en-US" data-app="public"><head><title>Harbour</title></head>'
        '<body data-template="thread_view"><svg style="display:none"><symbol id="i"><path d="M0 0h9"/>'
        "</symbol></svg>",
        '<article class="message" data-author="crane" id="js-post-{n}"><h4>crane <i aria-hidden="true">'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>icon</title><use xlink:href="#i">'
        '</use></svg></i></h4><div class="bbWrapper" data-lb-trigger=\'{"a":"<b>"}\'>Oars, pair {n}</div>'
        "</article>\n",
        "crane\nOars, pair {n}",
    ),
    "word": Shape(
        '<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
        "xmlns:w=\"urn:schemas-microsoft-com:office:word\"><body lang=EN-GB style='tab-interval:36.0pt'>",
        "<p class=MsoNormal style='mso-list:l0 level1'><![if !supportLists]><span style=\"mso-list:Ignore\">·"
        '</span><![endif]>Tar, cask {n}<o:p></o:p> from <st1:City w:st="on">Ankerby</st1:City></p><p><o:p>'
        "whole</o:p></p>\n",
        "·Tar, cask {n} from Ankerby\nwhole",
    ),
    "vue": Shape(
        "<!doctype html><html><body><div id=app v-cloak x-data=\"{ open: false, 'a': 1 > 0 }\">",
        '<div :class="{ big: n > {n} }" @click.prevent="open = !open" v-on:keyup.enter="go()" #item={x} '
        '[hidden]="no" (tap)="tap()" {{ attrs }} x-on:click.outside="">Nets, size {n}<x-tag.one>!</x-tag.one>'
        "</div>",
        "Nets, size {n}!",
        "</div></body></html>",
    ),
    "broken by hand": Shape(
        '<body><table width="90%\'>\n<tr><td>"><p>',
        '<p class=a" id=\'b{n}\'\' =c "d" <e>Pitch\x0band\x1ftar &#11; {n}<font color=>, <a href=/{n}"x"y>'
        "cheap</a></font></b></p>",
        "Pitch and tar {n}, cheap",
    ),
    "a page behind its end": Shape(
        "<html><head><title>Harbour</title></head><body>",
        "<div>Hooks, tin {n}</div>",
        "Hooks, tin {n}",
        "</body></html>\n<!-- 0.04 s --><script>count()</script>\n",
    ),
    "pages in a page": Shape(
        "",
        "<html><head><title>x</title></head><body class='b{n}'><p>Buoys, row {n}</body></html>\n",
        "Buoys, row {n}",
        "",
    ),
}
