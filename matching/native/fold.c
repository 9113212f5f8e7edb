/* The narrow fold (text/folding.py): full-width forms, foreign digits, dashes and spaces become ASCII, zero-width
 * characters are dropped. The shifts remember how far it moved the text, so that places in the block can be given. */
#include <stdlib.h>

#include "inside.h"

/* Returns how many bytes at the beginning of `block` are ASCII. */
static size_t ascii_length(const uint8_t *block, size_t length) {
    size_t at = 0;
    for (; at + 32 <= length; at += 32) {
        uint64_t words[4];
        memcpy(words, block + at, sizeof words);
        if ((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080) break;
    }
    while (at < length && block[at] < 0x80) at++;
    return at;
}

/* Writes the code point at `bytes` to `point` and returns its size in bytes. Where they are not UTF-8, the code point
 * is 0, which the fold keeps, and the size is 1. */
static size_t decode(const uint8_t *bytes, size_t left, uint32_t *point) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = bytes[0];
    size_t size = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    *point = 0;
    if (size == 1 || size > left) return 1;
    uint32_t value = lead & (0x7F >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80) return 1;
        value = value << 6 | (bytes[i] & 0x3F);
    }
    if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 1;
    *point = value;
    return size;
}

/* Remembers that `by` bytes of the block were left out before place `at` of the narrowed text. False when out of
 * memory. */
static bool add_shift(struct sw_scanner *scanner, size_t at, size_t by) {
    size_t count = scanner->shift_count;
    if (count && scanner->shifts[count - 1].at == at) {
        scanner->shifts[count - 1].by += (uint32_t)by;
        return true;
    }
    if (count == scanner->shift_room) {
        size_t room = count ? 2 * count : 1024;
        struct shift *shifts = realloc(scanner->shifts, room * sizeof *shifts);
        if (!shifts) return false;
        scanner->shifts = shifts;
        scanner->shift_room = room;
    }
    uint32_t before = count ? scanner->shifts[count - 1].by : 0;
    scanner->shifts[scanner->shift_count++] = (struct shift){(uint32_t)at, before + (uint32_t)by};
    return true;
}

static bool fold_into(struct sw_scanner *scanner, const uint8_t *block, size_t length, size_t at, size_t *out) {
    const struct sw_rules *rules = scanner->rules;
    uint8_t *text = scanner->folded;
    size_t to = at;
    while (at < length) {
        if (block[at] < 0x80) {
            text[to++] = block[at++];
            continue;
        }
        uint32_t point;
        size_t size = decode(block + at, length - at, &point);
        uint8_t page = rules->fold_pages[point >> 6];
        uint8_t image = page ? rules->fold_images[page * 64 + (point & 63)] : 0;
        if (image == 0) {
            for (size_t i = 0; i < size; i++) text[to++] = block[at + i];
        } else if (image == SW_DROPPED) {
            if (!add_shift(scanner, to, size)) return false;
        } else {
            text[to++] = image;
            if (!add_shift(scanner, to, size - 1)) return false;
        }
        at += size;
    }
    *out = to;
    return true;
}

/* Returns the narrowed text and sets its length: the block itself where it is ASCII. NULL when out of memory. */
const uint8_t *sw_fold(struct sw_scanner *scanner, const uint8_t *block, size_t *length) {
    scanner->shift_count = 0;
    size_t at = ascii_length(block, *length);
    if (at == *length) return block;
    if (scanner->folded_room < *length) {
        uint8_t *folded = realloc(scanner->folded, *length);
        if (!folded) return NULL;
        scanner->folded = folded;
        scanner->folded_room = *length;
    }
    memcpy(scanner->folded, block, at);
    return fold_into(scanner, block, *length, at, length) ? scanner->folded : NULL;
}

/* Returns the place in the block of a character of the narrowed text. */
static size_t block_place(const struct sw_scanner *scanner, size_t at) {
    size_t low = 0, high = scanner->shift_count; /* the shifts before index `low` are at or before `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (scanner->shifts[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? at + scanner->shifts[low - 1].by : at;
}

/* Writes the span in the block of start..end. The last character may have been narrowed from several bytes, so its end
 * is found by the lead byte in the block. */
void sw_span(const struct sw_scanner *scanner, size_t start, size_t end, int64_t *first, int64_t *last) {
    uint8_t lead = scanner->block[*last = (int64_t)block_place(scanner, end - 1)];
    *first = (int64_t)block_place(scanner, start);
    *last += lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (*last > (int64_t)scanner->block_length) *last = (int64_t)scanner->block_length;
}
