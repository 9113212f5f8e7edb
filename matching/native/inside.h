/* What the parts of the scanner share. `text` is always the narrowed block: see fold.c. */
#ifndef SPILLWATCH_INSIDE_H
#define SPILLWATCH_INSIDE_H

#include <stdbool.h>
#include <string.h>

#include "spillwatch.h"

/* SW_PORTABLE compiles for any processor, without the instructions of x86. */
#if defined __x86_64__ && !defined SW_PORTABLE
#define SW_X86
#endif

/* Classes of ASCII characters, as bits of sw_class[]. LOCAL: characters before the @ of an address, except dots and
 * hyphens. SEPARATOR: characters between the groups of a number. JOINER: characters that join the groups of a date, of a
 * time, of an address of the internet. HEX: hexadecimal digits. */
enum { DIGIT = 1, LETTER = 2, LOCAL = 4, SEPARATOR = 8, X = 16, JOINER = 32, HEX = 64 };

extern const uint8_t sw_class[256];

static inline bool is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }
static inline bool is_hex(uint8_t byte) { return sw_class[byte] & HEX; }
static inline bool is_word(uint8_t byte) { return sw_class[byte] & (DIGIT | LETTER); }
static inline uint8_t lower(uint8_t byte) { return (uint8_t)(byte | (uint8_t)((uint8_t)(byte - 'A') < 26) << 5); }
static inline uint8_t upper(uint8_t byte) { return (uint8_t)(byte & ~((uint8_t)((uint8_t)(byte - 'a') < 26) << 5)); }

static inline unsigned number(const uint8_t *digits, size_t length) {
    unsigned value = 0;
    for (size_t i = 0; i < length; i++) value = value * 10 + (unsigned)(digits[i] - '0');
    return value;
}

struct found {
    uint32_t start, end; /* in the narrowed text; sw_take gives the places in the block */
    uint32_t tape_end;
};

/* The candidates of one field. */
struct bucket {
    struct found *found;
    uint8_t *tape;
    size_t count, room, tape_length, tape_room;
};

/* From `at` on, the place of a character in the block is its place in the narrowed text plus `by`. */
struct shift {
    uint32_t at, by;
};

#define SW_DOMAIN_SLOTS 1024 /* at least twice the number of domains */
#define SW_AHEAD 4 /* digits that decide first about a telephone number */
#define SW_AHEADS 10000

struct sw_scanner {
    const struct sw_rules *rules;
    struct bucket buckets[SW_FIELDS];
    uint8_t *folded; /* the narrowed text, where it differs from the block */
    size_t folded_room;
    struct shift *shifts;
    size_t shift_count, shift_room;
    const uint8_t *block;
    size_t block_length;
    size_t run_first[SW_FIELDS]; /* per field, the index of the first candidate in the current run of digits */
    uint16_t slots[SW_DOMAIN_SLOTS]; /* hash table: 1 + the index of a domain, 0: free */
    uint16_t home_rows[SW_AHEADS];     /* by the first digits: the place in the home plan's rows that they lead to */
    uint8_t world_lengths[SW_AHEADS];  /* by the first digits, with the country code: the lengths a number may have */
    size_t word_start, word_end; /* the last word that was read to see whether it is hexadecimal */
    bool word_is_hex;
    bool failed; /* out of memory */
};

struct group {
    size_t start, end;
};

static inline bool wanted(const struct sw_scanner *scanner, enum sw_field field) {
    return scanner->rules->fields >> field & 1;
}

#define LONGEST_VALUE 320 /* bytes: more than the longest canonical form (an address), as copies may write more */

uint8_t *sw_grow(struct sw_scanner *scanner, enum sw_field field);

/* Returns LONGEST_VALUE bytes on the field's tape for one more canonical form, NULL when out of memory. sw_add must
 * follow to keep what is written there. */
static inline uint8_t *sw_room(struct sw_scanner *scanner, enum sw_field field) {
    struct bucket *bucket = &scanner->buckets[field];
    if (bucket->count < bucket->room && bucket->tape_length + LONGEST_VALUE <= bucket->tape_room)
        return bucket->tape + bucket->tape_length;
    return sw_grow(scanner, field);
}

/* Adds a candidate whose form was written to sw_room(). */
static inline void sw_add(struct sw_scanner *scanner, enum sw_field field, size_t length, size_t start, size_t end) {
    struct bucket *bucket = &scanner->buckets[field];
    bucket->tape_length += length;
    bucket->found[bucket->count++] = (struct found){(uint32_t)start, (uint32_t)end, (uint32_t)bucket->tape_length};
}

const uint8_t *sw_fold(struct sw_scanner *scanner, const uint8_t *block, size_t *length);
void sw_span(const struct sw_scanner *scanner, size_t start, size_t end, int64_t *first, int64_t *last);

void sw_emails(struct sw_scanner *scanner, const uint8_t *text, size_t length);
void sw_domain_slots(struct sw_scanner *scanner);
void sw_shapes(struct sw_scanner *scanner, const uint8_t *text, size_t length);
void sw_wallets(struct sw_scanner *scanner, const uint8_t *text, size_t length, bool one_case);
void sw_national_ids(struct sw_scanner *scanner, const uint8_t *text, size_t length);
/* Returns whether a group is the first of a national number in a form that shows it. */
bool sw_has_national_form(const uint8_t *text, size_t length, struct group digits);
void sw_numbers(struct sw_scanner *scanner, const uint8_t *text, size_t length);
/* Copying a fixed number of bytes is faster than copying as many as there are digits. So digits are passed in buffers
 * of DIGITS_ROOM bytes, and DIGITS_COPIED of them are copied at once. */
#define DIGITS_COPIED 32
#define DIGITS_ROOM 64
void sw_phone_tables(struct sw_scanner *scanner);
size_t sw_phone(const struct sw_scanner *scanner, const uint8_t *digits, size_t length, bool international, uint8_t *out);
size_t sw_phone_glued(const struct sw_scanner *scanner, const uint8_t *digits, size_t length, bool found, uint8_t *out);
size_t sw_card(const struct sw_rules *rules, const uint8_t *digits, size_t length);
size_t sw_resident_id(const struct sw_rules *rules, const uint8_t *digits, size_t length, uint8_t *out);
/* Returns where the ordinary number ends that begins with a group, or the group's start. `begins`: no number is in
 * progress; `plus`: a + stands before it; `dialled`: a number in progress begins with + or 0 and is not complete. Most
 * groups are no ordinary number, which may_be_ordinary tells by what stands beside them. */
size_t sw_ordinary_end(struct sw_scanner *scanner, const uint8_t *text, struct group group, size_t length,
                       bool begins, bool plus, bool dialled);
/* Returns whether `length` digits are a date, or a date and a time. */
bool sw_bare_date(const uint8_t *digits, size_t length);

#define BARE_DATE 8 /* digits; with a time 12 or 14 */

static inline bool has_length_of_date(size_t length) {
    return length == BARE_DATE || length == BARE_DATE + 4 || length == BARE_DATE + 6;
}

static inline bool is_century(const uint8_t *digits) {
    return (digits[0] == '1' && digits[1] == '9') || (digits[0] == '2' && digits[1] == '0');
}

/* Returns whether digits in one group are a date, a date and a time, or seconds since 1970. */
static inline bool is_bare_time(const uint8_t *digits, size_t length) {
    if (length == 10) return digits[0] == '1';
    return has_length_of_date(length) && is_century(digits) && sw_bare_date(digits, length);
}

/* Returns whether a group may be part of a hexadecimal word, of a literal (0x1F) or of a UUID, by the characters beside
 * it: letters of its word are hexadecimal, and a word of digits alone is as long as a field of a UUID. */
static inline bool may_be_hexadecimal(uint8_t before, uint8_t behind, size_t size) {
    unsigned word = sw_class[before] | sw_class[behind];
    if (word & LETTER)
        return (!(sw_class[before] & LETTER) || sw_class[before] & (HEX | X)) &&
               (!(sw_class[behind] & LETTER) || sw_class[behind] & (HEX | X));
    return (before == '-' || behind == '-') && (size == 4 || size == 8 || size == 12);
}

/* Returns false where sw_ordinary_end returns the group's start. */
static inline bool may_be_ordinary(const uint8_t *text, size_t start, size_t end, size_t length, bool begins) {
    size_t size = end - start;
    uint8_t before = start > 0 ? text[start - 1] : 0, behind = end < length ? text[end] : 0;
    if ((sw_class[before] | sw_class[behind]) & JOINER || may_be_hexadecimal(before, behind, size)) return true;
    if (before == ',' && size == 3) return true; /* the thousandths of a second */
    if (!begins) return false;
    return (before == ' ' && behind == ' ') || (has_length_of_date(size) && is_century(text + start));
}

bool sw_read_as_number(const uint8_t *text, size_t start, size_t end, size_t length);
/* Searches for an IBAN whose third character is at `digit`, behind a letter. Returns where the next one may begin. */
size_t sw_iban(struct sw_scanner *scanner, const uint8_t *text, size_t length, size_t digit, size_t from);

#endif
