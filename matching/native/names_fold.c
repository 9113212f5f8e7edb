/* The fold for names (text/folding.py, `mention_fold`), from a str of Python to UTF-8, in one pass.
 *
 * The text is given as ASCII bytes, or in units of 16 bits. Places in it are counted in units: bytes, or 16 bits. Every
 * CHECKPOINT units the state is kept, so that the way back from a folded byte to its character starts close by. */
#include "inside.h"

#if defined SW_X86
#include <emmintrin.h>
#endif

#define CHECKPOINT 256
#define STEP 16 /* units of plain ASCII that are folded at once */
#define LONGEST_IMAGE 64
#define SPACE (1u << 24 | ' ') /* the entry of a space */

/* What the last byte of an entry of the table says; 1 to 3: the image is so many bytes, which the entry holds. */
enum { DROPPED = 0, ASTRAL = 4, EXPANSION = 5, VOWEL = 6, TRAIL = 7, DOTTED = 8, HALF_PAIR = 9 };

struct state {
    const struct sw_name_fold *fold;
    uint8_t *out; /* there are four zero bytes before it */
    size_t to;
    size_t syllable; /* `to` behind a syllable without a trailing consonant; 0: none is there */
    uint32_t pairs;  /* surrogate pairs so far */
    uint32_t flags;
    bool is_unpaired; /* whether each surrogate is alone */
    uint32_t *origins; /* by byte of `out` from `traced` on: the character that it came from; NULL: not wanted */
    size_t traced;
};

/* Whether these three ASCII characters of the folded text may be of a dot that cannot be clicked on. */
static inline uint8_t is_dotted(uint8_t third, uint8_t second, uint8_t c) {
    return (uint8_t)(c == '[') | (uint8_t)(c == ']') | (uint8_t)((uint8_t)(c - '(') < 2) | (uint8_t)(c == '{') |
           (uint8_t)(c == '}') | (uint8_t)(c == '<') | (uint8_t)(c == '>') | (uint8_t)(c == '\\') |
           (uint8_t)((uint8_t)(c == '.') & (uint8_t)(second == ' ')) |
           (uint8_t)((uint8_t)(c == 't') & (uint8_t)(second == 'o') & (uint8_t)(third == 'd'));
}

/* Whether a character, with the one before it, may begin an escape (text/escapes.py). */
static inline bool is_escape_sign(uint32_t before, uint32_t point) {
    switch (point) {
    case '%': case '&': case '\\': case '=': case '^': case 0x1B: case 0x20E3: return true;
    case 'x': case 'X': return before == '0';
    case '\'': return (before | 0x20) == 'x' || before == '(';
    default: return false;
    }
}

/* Images of one byte that are no part of a dot or an escape, whatever they are the image of and stand beside; and the
 * space, unless it stands behind another one. */
static inline bool is_plain(uint8_t c) {
    static const uint8_t plain[256] = {
        [' '] = 1, ['!'] = 1, ['"'] = 1, ['#'] = 1, ['$'] = 1, ['*'] = 1, ['+'] = 1, [','] = 1, ['-'] = 1, ['/'] = 1,
        [':'] = 1, [';'] = 1, ['?'] = 1, ['@'] = 1, ['_'] = 1, ['|'] = 1, ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1,
        ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,
        ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1,
        ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['y'] = 1,
        ['z'] = 1,
    };
    return plain[c];
}

static inline void trace(struct state *state, size_t size, size_t character) {
    if (!state->origins) return;
    for (size_t i = 0; i < size; i++) state->origins[state->to - state->traced + i] = (uint32_t)character;
}

static inline void emit(struct state *state, const uint8_t *bytes, size_t size, size_t character) {
    memcpy(state->out + state->to, bytes, size);
    trace(state, size, character);
    state->to += size;
}

static void emit_space(struct state *state, size_t character) {
    if (state->out[state->to - 1] == ' ')
        state->flags |= SW_NAMES_MOVED;
    else
        emit(state, (const uint8_t *)" ", 1, character);
}

static void emit_expansion(struct state *state, const uint8_t *image, size_t character) {
    state->flags |= SW_NAMES_MOVED;
    size_t size = *image++;
    for (size_t i = 0; i < size; i++) {
        if (image[i] == ' ') {
            emit_space(state, character);
        } else {
            emit(state, image + i, 1, character);
            const uint8_t *end = state->out + state->to;
            if (image[i] >= 0x80 || is_dotted(end[-3], end[-2], image[i])) state->flags |= SW_NAMES_DOTTED;
        }
    }
}

static inline uint32_t syllable_at(const uint8_t *bytes) {
    return (uint32_t)(bytes[0] & 15) << 12 | (uint32_t)(bytes[1] & 63) << 6 | (bytes[2] & 63);
}

static inline void put_three(uint8_t *bytes, uint32_t point) {
    bytes[0] = (uint8_t)(0xE0 | point >> 12);
    bytes[1] = (uint8_t)(0x80 | (point >> 6 & 63));
    bytes[2] = (uint8_t)(0x80 | (point & 63));
}

/* Writes a vowel of Hangul, or makes a syllable of it and the leading consonant before it. */
static void emit_vowel(struct state *state, uint32_t vowel, size_t character) {
    if (state->to >= 3) {
        uint8_t *before = state->out + state->to - 3;
        uint32_t lead = syllable_at(before);
        if (before[0] == 0xE1 && lead >= 0x1100 && lead <= 0x1112) {
            put_three(before, 0xAC00 + 28 * (21 * (lead - 0x1100) + vowel - 0x1161));
            state->flags |= SW_NAMES_MOVED;
            state->syllable = state->to;
            return;
        }
    }
    uint8_t bytes[3];
    put_three(bytes, vowel);
    state->flags |= SW_NAMES_MOVED; /* as in the specification, where a vowel is looked at again */
    emit(state, bytes, 3, character);
}

static void emit_trail(struct state *state, uint32_t trail, size_t character) {
    uint8_t bytes[3];
    if (state->syllable && state->syllable == state->to) {
        uint8_t *before = state->out + state->to - 3;
        put_three(before, syllable_at(before) + trail - 0x11A7);
        state->flags |= SW_NAMES_MOVED;
        state->syllable = 0;
        return;
    }
    put_three(bytes, trail);
    emit(state, bytes, 3, character);
}

static void emit_special(struct state *state, uint32_t entry, size_t character) {
    uint32_t value = entry & 0xFFFFFF;
    switch (entry >> 24) {
    case ASTRAL: {
        uint8_t bytes[4] = {(uint8_t)(0xF0 | value >> 18), (uint8_t)(0x80 | (value >> 12 & 63)),
                            (uint8_t)(0x80 | (value >> 6 & 63)), (uint8_t)(0x80 | (value & 63))};
        emit(state, bytes, 4, character);
        break;
    }
    case EXPANSION: emit_expansion(state, state->fold->expansions + value, character); break;
    case VOWEL: emit_vowel(state, value, character); break;
    case TRAIL: emit_trail(state, value, character); break;
    case DOTTED: { /* a character of three bytes with which a dot may be written */
        uint8_t bytes[3];
        put_three(bytes, value);
        emit(state, bytes, 3, character);
        state->flags |= SW_NAMES_DOTTED;
        break;
    }
    default: state->flags |= SW_NAMES_MOVED; /* DROPPED */
    }
}

/* Folds one character and returns the number of its units. */
static size_t fold_character(struct state *state, const void *text, bool wide, size_t unit, size_t length) {
    uint32_t point = wide ? ((const uint16_t *)text)[unit] : ((const uint8_t *)text)[unit];
    size_t units = 1, character = unit - state->pairs;
    if (wide && state->is_unpaired && (point & 0xF800) == 0xD800) {
        point = 0xFFFD;
    } else if (wide && (point & 0xFC00) == 0xD800 && unit + 1 < length) {
        point = 0x10000 + ((point & 0x3FF) << 10) + (((const uint16_t *)text)[unit + 1] & 0x3FF);
        units = 2;
        state->pairs++;
    }
    uint32_t before = !unit ? 0 : wide ? ((const uint16_t *)text)[unit - 1] : ((const uint8_t *)text)[unit - 1];
    if (is_escape_sign(before, point)) state->flags |= SW_NAMES_ESCAPED;
    uint32_t entry = state->fold->images[point], size = entry >> 24;
    if (entry == SPACE) {
        emit_space(state, character);
    } else if (size - 1 < 3) {
        uint8_t bytes[3] = {(uint8_t)entry, (uint8_t)(entry >> 8), (uint8_t)(entry >> 16)};
        emit(state, bytes, size, character);
        const uint8_t *end = state->out + state->to;
        if (size == 1 && is_dotted(end[-3], end[-2], end[-1])) state->flags |= SW_NAMES_DOTTED;
    } else {
        emit_special(state, entry, character);
    }
    return units;
}

/* Stores the bytes of an entry, and one more that does not count. */
static inline void store_three(uint8_t *out, uint32_t entry) {
    uint8_t bytes[4] = {(uint8_t)entry, (uint8_t)(entry >> 8), (uint8_t)(entry >> 16), (uint8_t)(entry >> 24)};
    memcpy(out, bytes, sizeof bytes);
}

/* Folds plain characters, and those of two and three bytes, until another one. Returns where that one is. */
static inline size_t fold_plain(struct state *state, const void *text, bool wide, size_t unit, size_t until) {
    const uint32_t *images = state->fold->images;
    uint8_t *out = state->out + state->to;
    for (; unit < until; unit++) {
        while (wide && unit + 4 <= until) { /* most texts with a Han character have many */
            const uint16_t *four = (const uint16_t *)text + unit;
            uint32_t a = images[four[0]], b = images[four[1]], c = images[four[2]], d = images[four[3]];
            if ((a & b & c & d) >> 24 != 3 || (a | b | c | d) >> 24 != 3) break;
            store_three(out, a), store_three(out + 3, b), store_three(out + 6, c), store_three(out + 9, d);
            unit += 4;
            out += 12;
        }
        if (unit == until) break;
        uint32_t entry = images[wide ? ((const uint16_t *)text)[unit] : ((const uint8_t *)text)[unit]];
        uint32_t size = entry >> 24;
        if (size == 1) {
            uint8_t c = (uint8_t)entry;
            if (!is_plain(c) || (c == ' ' && out[-1] == ' ')) break;
            *out++ = c;
        } else if (size - 2 < 2) {
            store_three(out, entry);
            out += size;
        } else {
            break;
        }
    }
    state->to = (size_t)(out - state->out);
    return unit;
}

typedef uint8_t bytes_step __attribute__((vector_size(STEP)));

/* Loads STEP units, of which only those below 0x80 are of interest. */
static inline bytes_step load_step(const void *text, bool wide, size_t unit) {
    if (!wide) {
        bytes_step bytes;
        memcpy(&bytes, (const uint8_t *)text + unit, sizeof bytes);
        return bytes;
    }
    const uint16_t *units = (const uint16_t *)text + unit;
#if defined SW_X86
    __m128i high = _mm_set1_epi16((short)0xFF80), zero = _mm_setzero_si128(), packed[2];
    for (int i = 0; i < 2; i++) {
        __m128i some = _mm_loadu_si128((const __m128i *)(units + 8 * i));
        __m128i is_ascii = _mm_cmpeq_epi16(_mm_and_si128(some, high), zero);
        packed[i] = _mm_or_si128(_mm_and_si128(some, is_ascii), _mm_andnot_si128(is_ascii, _mm_set1_epi16(0x80)));
    }
    return (bytes_step)_mm_packus_epi16(packed[0], packed[1]);
#else
    bytes_step bytes;
    for (int i = 0; i < STEP; i++) bytes[i] = (uint8_t)(units[i] < 0x80 ? units[i] : 0x80);
    return bytes;
#endif
}

static inline bool any(bytes_step bytes) {
    uint64_t words[STEP / 8], all = 0;
    memcpy(words, &bytes, sizeof words);
    for (int i = 0; i < STEP / 8; i++) all |= words[i];
    return all != 0;
}

/* Folds STEP units of ASCII to as many bytes. False: they do not stay as many. The characters before each one are
 * loaded from the text again, because reading what was just written would wait for it. */
static inline bool fold_step(struct state *state, const void *text, bool wide, size_t unit) {
    bytes_step c = load_step(text, wide, unit), before = load_step(text, wide, unit - 1);
    bytes_step white = (bytes_step)((bytes_step)(c - 9) < 5) | (bytes_step)((bytes_step)(c - 0x1C) < 5);
    bytes_step bad = ((bytes_step)(c < 0x20) & ~white) | (bytes_step)(c >= 0x7F) | (white & (bytes_step)(before <= ' '));
    if (any(bad)) return false;
    bytes_step small = c | ((bytes_step)((bytes_step)(c - 'A') < 26) & 0x20);
    bytes_step image = (small & ~white) | (white & ' ');
    bytes_step grave = (bytes_step)(c == '`');
    image = (image & ~grave) | (grave & '\'');
    uint8_t *out = state->out + state->to;
    if (out[-1] == ' ' && (c[0] <= ' ')) return false;
    memcpy(out, &image, sizeof image);
    bytes_step third = load_step(text, wide, unit - 2);
    bytes_step dotted = (bytes_step)(c == '[') | (bytes_step)(c == ']') | (bytes_step)((bytes_step)(c - '(') < 2) |
                        (bytes_step)(c == '{') | (bytes_step)(c == '}') | (bytes_step)(c == '<') |
                        (bytes_step)(c == '>') | (bytes_step)(c == '\\') |
                        ((bytes_step)(c == '.') & (bytes_step)(before <= ' ')) |
                        ((bytes_step)(small == 't') & (bytes_step)((before | 0x20) == 'o') &
                         (bytes_step)((third | 0x20) == 'd'));
    bytes_step escaped = (bytes_step)(c == '%') | (bytes_step)(c == '&') | (bytes_step)(c == '\\') |
                         (bytes_step)(c == '=') | (bytes_step)(c == '^') |
                         ((bytes_step)(small == 'x') & (bytes_step)(before == '0')) |
                         ((bytes_step)(c == '\'') &
                          ((bytes_step)((before | 0x20) == 'x') | (bytes_step)(before == '(')));
    if (any(escaped)) state->flags |= SW_NAMES_ESCAPED;
    if (any(dotted) || is_dotted(out[-2], out[-1], image[0]) || is_dotted(out[-1], image[0], image[1]))
        state->flags |= SW_NAMES_DOTTED;
    state->to += STEP;
    return true;
}

/* Folds units from..until; the last character may go one unit further. Returns where it ends. */
static inline size_t fold_units(struct state *state, const void *text, bool wide, size_t from, size_t until,
                                size_t length) {
    size_t unit = from;
    while (unit < until) {
        if (!state->origins && unit >= 2 && unit + STEP <= until && fold_step(state, text, wide, unit)) {
            unit += STEP;
            continue;
        }
        size_t border = unit + 2 * STEP < until ? unit + 2 * STEP : until;
        while (unit < border) {
            if (!state->origins) unit = fold_plain(state, text, wide, unit, border);
            if (unit < border) unit += fold_character(state, text, wide, unit, length);
        }
    }
    return unit;
}

static inline int64_t fold_names(struct state *state, const void *text, bool wide, size_t length, size_t room,
                                 struct sw_name_mark *marks, uint32_t *mark_count) {
    *mark_count = 0;
    for (size_t unit = 0; unit < length; marks++, ++*mark_count) {
        if (wide && state->to + (size_t)CHECKPOINT * LONGEST_IMAGE > room) return -1;
        bool open = state->syllable && state->syllable == state->to;
        *marks = (struct sw_name_mark){(uint32_t)unit, (uint32_t)state->to, state->pairs | (uint32_t)open << 31, {0}};
        memcpy(marks->before, state->out + state->to - sizeof marks->before, sizeof marks->before);
        size_t until = unit + CHECKPOINT < length ? unit + CHECKPOINT : length;
        unit = fold_units(state, text, wide, unit, until, length);
    }
    return (int64_t)state->to;
}

int64_t sw_names_fold(const struct sw_name_fold *fold, const void *text, uint32_t wide, size_t length, uint8_t *out,
                      size_t room, struct sw_name_mark *marks, uint32_t answer[2]) {
    struct state state = {.fold = fold, .out = out, .is_unpaired = wide == SW_UNPAIRED};
    memset(out - sizeof marks->before, 0, sizeof marks->before);
    int64_t size = wide ? fold_names(&state, text, true, length, room, marks, &answer[1])
                        : fold_names(&state, text, false, length, room, marks, &answer[1]);
    answer[0] = state.flags;
    return size;
}

static const struct sw_name_mark *mark_before(const struct sw_name_mark *marks, size_t count, uint64_t offset) {
    size_t low = 0, high = count; /* the marks before index `low` are at or before the offset */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (marks[middle].to <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return marks + low - 1;
}

void sw_names_places(const struct sw_name_fold *fold, const void *text, uint32_t wide, size_t length,
                     const struct sw_name_mark *marks, size_t mark_count, const uint8_t *unmoved,
                     const int64_t *offsets, size_t count, int64_t *places) {
    uint32_t origins[CHECKPOINT * LONGEST_IMAGE];
    uint8_t scratch[CHECKPOINT * LONGEST_IMAGE + 64];
    const struct sw_name_mark *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct sw_name_mark *mark = mark_before(marks, mark_count, (uint64_t)offsets[i]);
        if (unmoved) {
            uint32_t characters = mark->unit - (mark->pairs & 0x7FFFFFFF);
            for (int64_t at = mark->to; at < offsets[i]; at++) characters += (unmoved[at] & 0xC0) != 0x80;
            places[i] = characters;
            continue;
        }
        if (mark != last) {
            struct state state = {.fold = fold, .pairs = mark->pairs & 0x7FFFFFFF, .origins = origins,
                                  .is_unpaired = wide == SW_UNPAIRED};
            state.to = state.traced = sizeof mark->before;
            state.syllable = mark->pairs >> 31 ? state.to : 0;
            state.out = scratch;
            memcpy(scratch, mark->before, sizeof mark->before);
            size_t until = mark + 1 < marks + mark_count ? mark[1].unit : length;
            if (wide)
                fold_units(&state, text, true, mark->unit, until, length);
            else
                fold_units(&state, text, false, mark->unit, until, length);
            last = mark;
        }
        places[i] = origins[(uint64_t)offsets[i] - mark->to];
    }
}

static bool is_open(const uint8_t *text, size_t end) {
    if (end && text[end - 1] == ' ') end--;
    if (!end) return false;
    uint8_t c = text[end - 1];
    return c == '[' || c == '(' || c == '{' || c == '<' || (end >= 3 && !memcmp(text + end - 3, "\xE3\x80\x90", 3));
}

static bool is_close(const uint8_t *text, size_t at, size_t length) {
    if (at >= length) return false;
    uint8_t c = text[at];
    return c == ']' || c == ')' || c == '}' || c == '>' || (at + 3 <= length && !memcmp(text + at, "\xE3\x80\x91", 3));
}

static bool is_dot(const uint8_t *text, size_t at, size_t length) {
    if (is_open(text, at) || is_close(text, at + 1, length)) return true;
    if (!at) return false;
    if (text[at - 1] == '\\') return true;
    size_t next = at + 1 < length && text[at + 1] == ' ' ? at + 2 : at + 1;
    return text[at - 1] == ' ' && next < length && (uint8_t)(text[next] - 'a') < 26;
}

static bool is_dot_word(const uint8_t *text, size_t at, size_t end, size_t length) {
    if (is_open(text, at) && is_close(text, end < length && text[end] == ' ' ? end + 1 : end, length)) return true;
    return at && memchr(" _-", text[at - 1], 3) && end < length && memchr(" _-", text[end], 3);
}

/* Whether `defanged` of text/folding.py finds a dot, or nearly does: it is then asked. */
uint32_t sw_names_dotted(const uint8_t *text, size_t length) {
    for (size_t at = 0; at < length; at++) {
        uint8_t c = text[at];
        if (c == '.' && is_dot(text, at, length)) return 1;
        if (c == 'd' && at + 3 <= length && text[at + 1] == 'o' && text[at + 2] == 't' &&
            is_dot_word(text, at, at + 3, length))
            return 1;
        if (c == 0xE7 && at + 3 <= length && text[at + 1] == 0x82 && text[at + 2] == 0xB9 &&
            is_dot_word(text, at, at + 3, length))
            return 1;
    }
    return 0;
}

/* Whether `rewritten` of matching/mentions/rewriting.py finds what it looks for, or nearly does: it is then asked. */
uint32_t sw_names_rewritten(const uint8_t *text, size_t length) {
    uint8_t found = length && (text[0] == '<' || text[0] == '|');
    for (size_t from = 1; from < length && !found; from += 4096) {
        size_t until = length - from < 4096 ? length : from + 4096;
        for (size_t at = from; at < until; at++) {
            uint8_t c = text[at], before = text[at - 1];
            found |= (uint8_t)(c == '<') | (uint8_t)(c == '|') |
                     (uint8_t)((uint8_t)(before == '=') & (uint8_t)(c == '?')) |
                     (uint8_t)((uint8_t)((uint8_t)(before == '&') | (uint8_t)(before == '(')) & (uint8_t)(c == '\'')) |
                     (uint8_t)((uint8_t)(before == '-') & (uint8_t)((uint8_t)(c == '-') | (uint8_t)(c == ' '))) |
                     (uint8_t)((uint8_t)(before == '[') & (uint8_t)(c == '/')) |
                     (uint8_t)((uint8_t)(before == ']') & (uint8_t)(c == '[')) |
                     (uint8_t)((uint8_t)(before == ')') & (uint8_t)(c == '('));
        }
    }
    return found;
}
