/* A walk through a text from digits to digits, 64 characters at a time. In a header, so that it has no calls. */
#ifndef SPILLWATCH_DIGITS_H
#define SPILLWATCH_DIGITS_H

#include "inside.h"

#if defined SW_X86
#include <emmintrin.h>
#endif

struct group {
    size_t start, end;
};

/* `bits` tells which of the 64 characters from `base` on are digits. */
struct digits {
    const uint8_t *text;
    size_t length, base;
    uint64_t bits;
};

#if defined SW_X86
/* Of sixteen characters the bits of those that are digits. */
static inline unsigned digit_bits(const uint8_t *text) {
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    __m128i bytes = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)text), zero);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, nine), bytes));
}
#endif

/* The first character from `at` on that is no digit. */
static inline size_t group_end(const uint8_t *text, size_t at, size_t length) {
#if defined SW_X86
    for (; at + 16 <= length; at += 16) {
        unsigned digits = digit_bits(text + at);
        if (digits != 0xFFFF) return at + (size_t)__builtin_ctz(~digits);
    }
#endif
    while (at < length && is_digit(text[at])) at++;
    return at;
}

/* Of 64 characters, fewer only at the text's end, the bits of those that are digits. */
static inline uint64_t bits_from(const uint8_t *text, size_t at, size_t length) {
    uint64_t bits = 0;
#if defined SW_X86
    if (at + 64 <= length) {
        for (unsigned i = 0; i < 4; i++) bits |= (uint64_t)digit_bits(text + at + 16 * i) << 16 * i;
        return bits;
    }
#endif
    size_t count = length - at < 64 ? length - at : 64;
    for (size_t i = 0; i < count; i++) bits |= (uint64_t)is_digit(text[at + i]) << i;
    return bits;
}

static inline struct digits digits_of(const uint8_t *text, size_t length) {
    return (struct digits){text, length, 0, bits_from(text, 0, length)};
}

/* The first digits in a row from `at` on, which never goes back; at the text's end where there are none. */
static inline struct group next_digits(struct digits *walk, size_t at) {
    uint64_t left = at - walk->base < 64 ? walk->bits >> (at - walk->base) : 0;
    while (!left) {
        at = at - walk->base < 64 ? walk->base + 64 : at;
        if (at >= walk->length) return (struct group){walk->length, walk->length};
        walk->base = at;
        left = walk->bits = bits_from(walk->text, at, walk->length);
    }
    size_t start = at + (size_t)__builtin_ctzll(left);
    uint64_t others = ~walk->bits >> (start - walk->base);
    if (others) return (struct group){start, start + (size_t)__builtin_ctzll(others)};
    return (struct group){start, group_end(walk->text, walk->base + 64, walk->length)};
}

#endif
