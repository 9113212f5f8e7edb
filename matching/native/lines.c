/* Finds the line feeds of a text, sixteen characters at a time. */
#include "inside.h"

#if defined SW_X86
#include <emmintrin.h>
#endif

uint64_t sw_line_ends(const uint8_t *text, size_t length, int64_t *ends, uint64_t room) {
    uint64_t count = 0;
    size_t at = 0;
#if defined SW_X86
    const __m128i feed = _mm_set1_epi8('\n');
    for (; at + 16 <= length && room - count >= 16; at += 16) {
        __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(text + at)), feed);
        for (unsigned bits = (unsigned)_mm_movemask_epi8(equal); bits; bits &= bits - 1)
            ends[count++] = (int64_t)at + __builtin_ctz(bits);
    }
#endif
    for (; at < length; at++) {
        if (text[at] != '\n') continue;
        if (count < room) ends[count] = (int64_t)at;
        count++;
    }
    return count;
}
