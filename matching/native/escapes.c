/* Says which of the signs in text/escapes.py a text may have, in one pass: most texts have none. A sign too many costs
 * time only; none may be missing. */
#include "inside.h"

/* In the order of text/escapes.py. */
enum {
    PERCENT = 1, REFERENCE = 2, BACKSLASH = 4, EQUALS = 8, COLOUR = 16, CARET = 32, KEYCAP = 64, HEXADECIMAL = 128,
    QUOTED = 256, BRACKETS = 512, SPELT_OUT = 1024, LONE_AT = 2048, PLUS = 4096,
    SPACED = 8192
};

#define LONGEST_NAME 31
#define MOST_BACKSLASHES 8
#define MOST_BLANKS 4
#define FEWEST_DIGITS 12

/* The text that is left, from a sign on. Behind its end there are zeros. */
struct rest {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct rest rest, size_t by) { return by < rest.left ? rest.at[by] : 0; }

static bool is_hex(uint8_t byte) { return is_digit(byte) || (uint8_t)((byte | 32) - 'a') < 6; }

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

static bool is_glued(uint8_t byte) { return is_word(byte) || byte == '_'; }

static bool is_reference(struct rest rest) {
    if (next(rest, 1) == '#') return is_digit(next(rest, 2)) || lower(next(rest, 2)) == 'x';
    size_t i = 1;
    while (i <= LONGEST_NAME + 1 && is_word(next(rest, i))) i++;
    return i > 2 && next(rest, i) == ';';
}

static bool is_backslash(struct rest rest) {
    size_t i = 1;
    while (i < MOST_BACKSLASHES && next(rest, i) == '\\') i++;
    uint8_t first = next(rest, i), second = next(rest, i + 1);
    switch (first) {
    case 'e': return second == '[';
    case '0': case '1': case '2': case '3': return second == '[' || is_digit(second);
    case 'u': case 'x': return second == '{' || is_hex(second);
    case 'U': return is_hex(second);
    case 'n': case 'r': case 't': return is_glued(second);
    case '@': case '.': case '_': case '+': case '-': return is_word(second);
    default: return false;
    }
}

/* Quoted-printable. The digits are capitals. */
static bool is_equals(struct rest rest, uint8_t before) {
    size_t i = 1;
    while (i <= MOST_BLANKS && is_blank(next(rest, i))) i++;
    if (next(rest, i) == '\n' || next(rest, i) == '\r') return true;
    uint8_t first = next(rest, 1), second = next(rest, 2), third = next(rest, 3);
    if (!is_hex(second) || second >= 'a' || second == 0) return false;
    bool is_small = third >= 'a' && third <= 'z';
    if (first >= 'C' && first <= 'F') return third == '=' || (sw_class[before] & LETTER && is_small);
    if (first == '4') return second == '0' && (is_word(third) || third == '-');
    return first == '0' || first == '2' || first == '3' || first == '5' || first == '7' ? is_glued(third) : false;
}

static bool has_digits(struct rest rest, size_t from) {
    for (size_t i = from; i < from + FEWEST_DIGITS; i++)
        if (!is_hex(next(rest, i))) return false;
    return true;
}

static bool is_spelt(struct rest rest, const char *word) {
    size_t i = 0;
    for (; word[i]; i++)
        if (lower(next(rest, i)) != (uint8_t)word[i]) return false;
    return true;
}

static bool is_closed(struct rest rest, size_t at) {
    at += next(rest, at) == ' ';
    uint8_t byte = next(rest, at);
    return byte == ']' || byte == ')' || byte == '}' || byte == '>' || byte >= 0x80;
}

/* `rest` begins behind the opened bracket. */
static bool is_bracketed(struct rest rest) {
    if (next(rest, 0) == '.' && is_word(next(rest, 1))) return true;
    if (next(rest, 0) == ' ') rest.at++, rest.left--;
    uint8_t first = lower(next(rest, 0));
    if (first == '@' || first == '.') return is_closed(rest, 1);
    if (first == 'a' && (is_closed(rest, 1) || is_spelt(rest, "arroba"))) return true;
    if (first == 'a') return is_spelt(rest, "at") && is_closed(rest, 2);
    if (first == 'd') return is_spelt(rest, "dot") && is_closed(rest, 3);
    if (first == 'p') return is_spelt(rest, "pun") || is_spelt(rest, "pon") || is_spelt(rest, "poi");
    if (first >= 0xE7 && first <= 0xE9) return true;
    return is_spelt(rest, "chiocciola") || first == 0xC3 || first == 0xD1;
}

/* A separator of `size` bytes between blanks, behind two digits, or a digit and a bracket, and before two digits. `at`:
 * bytes before it. */
static bool is_spaced(struct rest rest, size_t at, size_t size) {
    if (at < 3 || rest.at[-1] != ' ' || !is_digit(rest.at[-3])) return false;
    if (!is_digit(rest.at[-2]) && rest.at[-2] != ')') return false;
    return next(rest, size) == ' ' && is_digit(next(rest, size + 1)) && is_digit(next(rest, size + 2));
}

/* `at`: bytes before the rest. */
static uint32_t sign_at(struct rest rest, size_t at) {
    uint8_t before = at ? rest.at[-1] : 0;
    switch (rest.at[0]) {
    case '%': return is_hex(next(rest, 1 + (lower(next(rest, 1)) == 'u'))) && is_hex(next(rest, 2)) ? PERCENT : 0;
    case '&': return is_reference(rest) ? REFERENCE : 0;
    case '\\': return is_backslash(rest) ? BACKSLASH : 0;
    case '=': return is_equals(rest, before) ? EQUALS : 0;
    case 0x1B: return next(rest, 1) == '[' ? COLOUR : 0;
    case '^': return next(rest, 1) == '[' && next(rest, 2) == '[' ? CARET : 0;
    case 'x': case 'X':
        if (rest.at[0] == 'x' && before == '0' && has_digits(rest, 1)) return HEXADECIMAL;
        if (next(rest, 1) == '(') rest.at++, rest.left--;
        return next(rest, 1) == '\'' && has_digits(rest, 2) ? QUOTED : 0;
    case '[': case '(': case '{': case '<':
        return is_bracketed((struct rest){rest.at + 1, rest.left - 1}) ? BRACKETS : 0;
    case '@': return before == ' ' && next(rest, 1) == ' ' ? LONE_AT : 0;
    case 'd': case 'D':
        if (before != ' ' && before != '_' && before != '-') return 0;
        return is_spelt(rest, "dot") && next(rest, 3) == before ? SPELT_OUT : 0;
    case '+': return is_digit(before) && is_digit(next(rest, 1)) ? PLUS : 0;
    case '/': case '-': return is_spaced(rest, at, 1) ? SPACED : 0;
    case 0xE2:
        if (next(rest, 1) == 0x80 && next(rest, 2) == 0x93) return is_spaced(rest, at, 3) ? SPACED : 0;
        return next(rest, 1) == 0x83 && next(rest, 2) == 0xA3 ? KEYCAP : 0;
    case 0xE3: case 0xEF: { /* the brackets of East Asia */
        bool opened = rest.at[0] == 0xE3 ? next(rest, 1) == 0x80 && next(rest, 2) == 0x90
                                         : next(rest, 1) == 0xBC && next(rest, 2) == 0x88;
        return opened && rest.left > 3 && is_bracketed((struct rest){rest.at + 3, rest.left - 3}) ? BRACKETS : 0;
    }
    default: return 0;
    }
}

static const uint8_t is_sign[256] = {
    ['%'] = 1, ['&'] = 1, ['\\'] = 1, ['='] = 1, [0x1B] = 1, ['^'] = 1, ['x'] = 1, ['X'] = 1, ['['] = 1, ['('] = 1,
    ['{'] = 1, ['<'] = 1, ['@'] = 1, ['d'] = 1, ['D'] = 1, ['+'] = 1, [0xE2] = 1, [0xE3] = 1, [0xEF] = 1,
    ['/'] = 1, ['-'] = 1,
};

uint32_t sw_escape_signs(const uint8_t *text, size_t length) {
    uint32_t signs = 0;
    for (size_t at = 0; at < length; at++) {
        for (; at + 8 <= length; at += 8) { /* most characters are no sign */
            const uint8_t *eight = text + at;
            if (is_sign[eight[0]] | is_sign[eight[1]] | is_sign[eight[2]] | is_sign[eight[3]] | is_sign[eight[4]] |
                is_sign[eight[5]] | is_sign[eight[6]] | is_sign[eight[7]])
                break;
        }
        while (at < length && !is_sign[text[at]]) at++;
        if (at < length) signs |= sign_at((struct rest){text + at, length - at}, at);
    }
    return signs;
}
