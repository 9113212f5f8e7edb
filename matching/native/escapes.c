/* Says which signs a text has, in one pass: those of escapes in text/escapes.py, of masks, and of seconds since 1970. Most
 * texts have none, so that what takes longer is left out. A sign of an escape too many costs time only; none may be
 * missing. The last three are exact: text_signs.py has their patterns. */
#include "inside.h"

#if defined SW_X86
#include <immintrin.h>
#endif

/* In the order of text/escapes.py, and two more of text_signs.py. */
enum {
    PERCENT = 1, REFERENCE = 2, BACKSLASH = 4, EQUALS = 8, COLOUR = 16, CARET = 32, KEYCAP = 64, HEXADECIMAL = 128,
    QUOTED = 256, BRACKETS = 512, SPELT_OUT = 1024, LONE_AT = 2048, PLUS = 4096,
    SPACED = 8192, BARE = 16384, MASKED = 32768, SECONDS = 65536
};

#define LONGEST_NAME 31
#define MOST_BACKSLASHES 8
#define MOST_BLANKS 4
#define FEWEST_DIGITS 12
#define SECONDS_DIGITS 10

/* The text that is left, from a sign on. Behind its end there are zeros. */
struct rest {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct rest rest, size_t by) { return by < rest.left ? rest.at[by] : 0; }

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

/* u00 and two digits of the signs that an address may stand beside, without its backslash. `at`: bytes before it. */
static bool is_bare(struct rest rest, size_t at) {
    if (next(rest, 1) != '0' || next(rest, 2) != '0' || (at && (rest.at[-1] == '\\' || is_word(rest.at[-1])))) return false;
    uint8_t first = next(rest, 3), second = lower(next(rest, 4));
    bool right = first == '2' || first == '3' || first == 'a' || first == 'A';
    return right && (second == '0' || second == '2' || second == '3' || second == '6' || second == '7' ||
                     (second >= 'c' && second <= 'e')) && is_word(next(rest, 5));
}

/* Ten digits from 1 on, without a + before them. */
static bool is_seconds(struct rest rest, uint8_t before) {
    if (is_glued(next(rest, SECONDS_DIGITS)) || before == '+' || is_glued(before)) return false;
    for (size_t i = 1; i < SECONDS_DIGITS; i++)
        if (!is_digit(next(rest, i))) return false;
    return true;
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
    case '*': return MASKED;
    case '1': return is_seconds(rest, before) ? SECONDS : 0;
    case 'u': return is_bare(rest, at) ? BARE : 0;
    case 'x': case 'X':
        if (lower(next(rest, 1)) == 'x') return lower(next(rest, 2)) == 'x' ? MASKED : 0;
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
        if (next(rest, 1) == 0x80 && next(rest, 2) == 0xA2) return MASKED;
        if (next(rest, 1) == 0x97 && next(rest, 2) == 0x8F) return MASKED;
        return next(rest, 1) == 0x83 && next(rest, 2) == 0xA3 ? KEYCAP : 0;
    case 0xE3: case 0xEF: { /* the brackets of East Asia, and their star */
        if (rest.at[0] == 0xEF && next(rest, 1) == 0xBC && next(rest, 2) == 0x8A) return MASKED;
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
    ['/'] = 1, ['-'] = 1, ['*'] = 1, ['1'] = 1, ['u'] = 1,
};

static uint32_t signs_between(const uint8_t *text, size_t length, size_t from, size_t to) {
    uint32_t signs = 0;
    for (size_t at = from; at < to; at++)
        if (is_sign[text[at]]) signs |= sign_at((struct rest){text + at, length - at}, at);
    return signs;
}

#if defined SW_X86
#define AVX2 __attribute__((target("avx2")))
#define WIDE 32 /* characters that are looked at together */

/* Which pairs of characters a sign needs, as sets: one bit per set, by the low and by the high half of a byte. A pair is in
 * a set where both of its characters are in it by both halves. */
struct sets {
    uint8_t low[16], high[16];
};

/* A sign and the character behind it. 1: % & ( *, 2: < =, 4: [ \ ^, 8: { and escape, 16: E2, E3, EF, whatever stands behind
 * them; 32: x before x ' (, 64: do, 128: u0. */
static const struct sets SIGN_FIRST = {
    {0, 0, 16, 16, 64, 129, 1, 0, 33, 0, 1, 12, 6, 2, 4, 16},
    {0, 8, 1, 2, 64, 36, 64, 168, 0, 0, 0, 0, 0, 0, 16, 0},
};
static const struct sets BEHIND_SIGN = {
    {159, 31, 31, 31, 31, 31, 31, 63, 63, 31, 31, 31, 31, 31, 31, 95},
    {31, 31, 63, 159, 95, 63, 95, 63, 31, 31, 31, 31, 31, 31, 31, 31},
};

/* A sign and the character before it. 1, 2, 4: 1 behind anything but digits and most letters, 8: - and / behind a blank,
 * 16: + behind a digit, 32: 0x, 64: @ behind a blank. */
static const struct sets BEFORE_SIGN = {
    {125, 17, 17, 17, 17, 17, 17, 17, 17, 17, 3, 3, 3, 3, 3, 3},
    {1, 1, 73, 50, 6, 2, 6, 2, 1, 1, 1, 1, 1, 1, 1, 1},
};
static const struct sets SIGN_SECOND = {
    {64, 7, 0, 0, 0, 0, 0, 0, 32, 0, 0, 16, 0, 8, 0, 8},
    {0, 0, 24, 7, 64, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0},
};

struct halves {
    __m256i low, high;
};

AVX2 static inline __m256i both(__m256i one, __m256i other) { return _mm256_and_si256(one, other); }

AVX2 static inline struct halves halves_of(const uint8_t *text) {
    const __m256i half = _mm256_set1_epi8(15);
    __m256i bytes = _mm256_loadu_si256((const __m256i *)text);
    return (struct halves){both(bytes, half), both(_mm256_srli_epi16(bytes, 4), half)};
}

AVX2 static inline __m256i looked_up(const uint8_t table[16], __m256i half) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table)), half);
}

AVX2 static inline __m256i in_sets(const struct sets *sets, struct halves halves) {
    return both(looked_up(sets->low, halves.low), looked_up(sets->high, halves.high));
}

/* Returns bits: bit i is set where character i of WIDE may begin a sign. There is a character before them, and one behind
 * them. */
AVX2 static inline uint32_t sign_bits(const uint8_t *text) {
    struct halves before = halves_of(text - 1), bytes = halves_of(text), behind = halves_of(text + 1);
    __m256i pairs = _mm256_or_si256(both(in_sets(&SIGN_FIRST, bytes), in_sets(&BEHIND_SIGN, behind)),
                                    both(in_sets(&BEFORE_SIGN, before), in_sets(&SIGN_SECOND, bytes)));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(pairs, _mm256_setzero_si256()));
}

/* Moves *at to the first character that it has not looked at. */
AVX2 static uint32_t signs_by_32(const uint8_t *text, size_t length, size_t *at) {
    uint32_t signs = 0;
    for (; *at + WIDE < length; *at += WIDE)
        for (uint32_t bits = sign_bits(text + *at); bits; bits &= bits - 1) {
            size_t sign = *at + (size_t)__builtin_ctz(bits);
            if (text[sign] == '1' && length - sign > SECONDS_DIGITS && is_digit(text[sign + SECONDS_DIGITS])) continue;
            signs |= sign_at((struct rest){text + sign, length - sign}, sign);
        }
    return signs;
}
#endif

uint32_t sw_text_signs(const uint8_t *text, size_t length) {
    size_t at = length < 1 ? length : 1;
    uint32_t signs = signs_between(text, length, 0, at);
#if defined SW_X86
    if (__builtin_cpu_supports("avx2")) signs |= signs_by_32(text, length, &at);
#endif
    return signs | signs_between(text, length, at, length);
}

static const uint8_t is_mask[256] = {['*'] = 1, ['x'] = 1, ['X'] = 1, [0xE2] = 1, [0xEF] = 1};

/* Returns whether a character that may be a mask begins a run of them. */
static bool begins_run(struct rest rest, size_t at) {
    uint8_t before = at ? rest.at[-1] : 0, first = rest.at[0];
    if (first == '*') return before != '*';
    if (first < 0x80) return !(sw_class[before] & LETTER) && sign_at(rest, at) & MASKED;
    return sign_at(rest, at) & MASKED && !(at > 2 && !memcmp(rest.at - 3, rest.at, 3));
}

uint64_t sw_mask_runs(const uint8_t *text, size_t length, int64_t *places, uint64_t room) {
    uint64_t count = 0;
    for (size_t at = 0; at < length; at++) {
        if (!is_mask[text[at]] || !begins_run((struct rest){text + at, length - at}, at)) continue;
        if (count < room) places[count] = (int64_t)at;
        count++;
    }
    return count;
}
