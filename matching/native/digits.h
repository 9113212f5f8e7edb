/* Finds groups of digits in a text, 64 characters at a time. In a header, so that the compiler inlines it. */
#ifndef SPILLWATCH_DIGITS_H
#define SPILLWATCH_DIGITS_H

#include "inside.h"

#if defined SW_X86
#include <emmintrin.h>
#endif

/* A search that has reached `base`. Bit i of `bits` is set where character `base` + i is a digit. */
struct digit_search {
    const uint8_t *text;
    size_t length, base;
    uint64_t bits;
};

#if defined SW_X86
/* Returns sixteen bits: bit i is set where character i is a digit. */
static inline unsigned sixteen_digit_bits(const uint8_t *text) {
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    __m128i bytes = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)text), zero);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, nine), bytes));
}
#endif

/* Returns the place of the first character from `at` on that is not a digit. */
static inline size_t group_end(const uint8_t *text, size_t at, size_t length) {
#if defined SW_X86
    for (; at + 16 <= length; at += 16) {
        unsigned digits = sixteen_digit_bits(text + at);
        if (digits != 0xFFFF) return at + (size_t)__builtin_ctz(~digits);
    }
#endif
    while (at < length && is_digit(text[at])) at++;
    return at;
}

/* Returns 64 bits: bit i is set where character `at` + i is a digit. Behind the text's end they are 0. */
static inline uint64_t digit_bits(const uint8_t *text, size_t at, size_t length) {
    uint64_t bits = 0;
#if defined SW_X86
    if (at + 64 <= length) {
        for (unsigned i = 0; i < 4; i++) bits |= (uint64_t)sixteen_digit_bits(text + at + 16 * i) << 16 * i;
        return bits;
    }
#endif
    size_t count = length - at < 64 ? length - at : 64;
    for (size_t i = 0; i < count; i++) bits |= (uint64_t)is_digit(text[at + i]) << i;
    return bits;
}

static inline struct digit_search begin_search(const uint8_t *text, size_t length) {
    return (struct digit_search){text, length, 0, digit_bits(text, 0, length)};
}

/* Returns the first group of digits from `at` on, or an empty one at the text's end. `at` must not be before the end
 * of the last group that was returned. */
static inline struct group next_digits(struct digit_search *search, size_t at) {
    uint64_t left = at - search->base < 64 ? search->bits >> (at - search->base) : 0;
    while (!left) {
        at = at - search->base < 64 ? search->base + 64 : at;
        if (at >= search->length) return (struct group){search->length, search->length};
        search->base = at;
        left = search->bits = digit_bits(search->text, at, search->length);
    }
    size_t start = at + (size_t)__builtin_ctzll(left);
    uint64_t non_digits = ~search->bits >> (start - search->base);
    if (non_digits) return (struct group){start, start + (size_t)__builtin_ctzll(non_digits)};
    return (struct group){start, group_end(search->text, search->base + 64, search->length)};
}

#endif
