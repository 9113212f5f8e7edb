/* Finds what is to be masked: matching/masks.py is the specification. E-mails, passwords and numbers are found as the
 * specification finds them. Of other kinds the places are found where one may be: they are few, and the specification
 * decides about each, so a place too many costs time only; none may be missing. */
#include <stdlib.h>

#include "masks.h"

#define FIRST_ROOM 256 /* places, and bytes of their masks */

static bool has_room(struct sw_scanner *scanner, struct bucket *bucket, size_t size) {
    if (bucket->count == bucket->room) {
        size_t room = bucket->room ? 2 * bucket->room : FIRST_ROOM;
        struct found *found = realloc(bucket->found, room * sizeof *found);
        if (!found) return !(scanner->failed = true);
        bucket->found = found;
        bucket->room = room;
    }
    if (bucket->tape_room - bucket->tape_length < size) {
        size_t room = 2 * bucket->tape_room + size + FIRST_ROOM;
        uint8_t *tape = realloc(bucket->tape, room);
        if (!tape) return !(scanner->failed = true);
        bucket->tape = tape;
        bucket->tape_room = room;
    }
    return true;
}

void sw_add_place(struct sw_scanner *scanner, enum sw_mask_kind kind, size_t start, size_t end) {
    if (has_room(scanner, &scanner->buckets[kind], 0)) sw_add(scanner, (enum sw_field)kind, 0, start, end);
}

void sw_add_mask(struct sw_scanner *scanner, enum sw_mask_kind kind, const uint8_t *text, struct group place,
                 size_t first, size_t last) {
    struct bucket *bucket = &scanner->buckets[kind];
    size_t size = place.end - place.start, count = 0, at = 0;
    if (!has_room(scanner, bucket, size)) return;
    uint8_t *mask = bucket->tape + bucket->tape_length;
    for (size_t i = 0; i < size; i++) count += is_word(mask[i] = text[place.start + i]);
    for (size_t i = 0; i < size; i++) {
        if (!is_word(mask[i])) continue;
        if (at >= first && at + last < count) mask[i] = '*';
        at++;
    }
    sw_add(scanner, (enum sw_field)kind, size, place.start, place.end);
}

#define SHORTEST_ZONE 28
#define DATE 7 /* digits, with the check digit */

static bool is_zone(uint8_t byte) { return is_digit(byte) || (uint8_t)(byte - 'A') < 26 || byte == '<'; }

/* Returns whether a line may be one of a travel document's zone: it has two fillers side by side, or two dates. */
static bool may_be_zone(const uint8_t *line, size_t length) {
    size_t digits = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && line[i] == '<' && line[i - 1] == '<') return true;
        bool sex = digits >= DATE && memchr("MFX<", line[i], 4) && i + DATE < length;
        if (sex && group_end(line, i + 1, i + 1 + DATE) == i + 1 + DATE) return true;
        digits = is_digit(line[i]) ? digits + 1 : 0;
    }
    return false;
}

/* Looks at every 28th character only: a line of 28 characters or more has one of them. */
static void find_zones(struct sw_scanner *scanner, const uint8_t *text, size_t length) {
    size_t before = 0; /* the end of the previous line */
    for (size_t at = SHORTEST_ZONE - 1; at < length; at += SHORTEST_ZONE) {
        if (at < before || !is_zone(text[at])) continue;
        size_t start = at, end = at + 1;
        while (start > before && is_zone(text[start - 1])) start--;
        while (end < length && is_zone(text[end])) end++;
        before = end;
        if (end - start >= SHORTEST_ZONE && may_be_zone(text + start, end - start))
            sw_add_place(scanner, SW_MASK_ZONE, start, end);
    }
}

#define IBAN_HEAD 4
#define FEWEST_BEHIND_HEAD 11 /* letters and digits */
#define MOST_BEHIND_HEAD 44
#define FEWEST_IBAN_DIGITS 8

/* Adds the run of an IBAN whose first digit is at `digit`. Returns where the next one may begin. */
static size_t find_iban(struct sw_scanner *scanner, const uint8_t *text, size_t length, size_t digit, size_t from) {
    if (digit < from + 2 || digit + 1 >= length || !is_digit(text[digit + 1])) return from;
    size_t start = digit - 2, at = start + IBAN_HEAD, count = 0, digits = 2;
    if (!(sw_class[text[start]] & sw_class[text[start + 1]] & LETTER)) return from;
    if (start > 0 && is_word(text[start - 1])) return from;
    for (; count < MOST_BEHIND_HEAD; count++) {
        size_t next = at < length && (text[at] == ' ' || text[at] == '-') ? at + 1 : at;
        if (next >= length || !is_word(text[next])) break;
        digits += is_digit(text[next]);
        at = next + 1;
    }
    if (count < FEWEST_BEHIND_HEAD) return from;
    size_t country = 26 * (size_t)(upper(text[start]) - 'A') + upper(text[start + 1]) - 'A';
    if (digits >= FEWEST_IBAN_DIGITS && scanner->rules->ibans[SW_IBAN_ROW * country])
        sw_add_place(scanner, SW_MASK_IBAN, start, at);
    return at;
}

/* Adds the place of a Spanish licence whose digits these are: eight digits, or seven behind X, Y or Z, and a capital. */
static void find_licence(struct sw_scanner *scanner, const uint8_t *text, size_t length, struct group digits) {
    size_t start = digits.start, end = digits.end, count = end - start;
    if (count == 7 && start > 0 && text[start - 1] >= 'X' && text[start - 1] <= 'Z') start--, count++;
    if (count != 8 || (start > 0 && is_word(text[start - 1]))) return;
    if (end < length && text[end] == '-') end++;
    if (end == length || (uint8_t)(text[end] - 'A') >= 26) return;
    end++;
    if (end == length || !is_word(text[end])) sw_add_place(scanner, SW_MASK_LICENCE, start, end);
}

static void find_beside_digits(struct sw_scanner *scanner, const uint8_t *text, size_t length, uint32_t kinds) {
    size_t iban_from = 0;
    struct digit_search search = begin_search(text, length);
    struct group digits = next_digits(&search, 0);
    for (; digits.start < length; digits = next_digits(&search, digits.end)) {
        if (kinds >> SW_MASK_LICENCE & 1) find_licence(scanner, text, length, digits);
        if (kinds >> SW_MASK_NATIONAL & 1 && sw_has_national_form(text, length, digits))
            sw_add_place(scanner, SW_MASK_NATIONAL, digits.start, digits.end);
        if (kinds >> SW_MASK_IBAN & 1 && digits.start > 1 && sw_class[text[digits.start - 1]] & LETTER)
            iban_from = find_iban(scanner, text, length, digits.start, iban_from);
    }
}

/* Returns whether ` dot ` or ` DOT ` is written, looking at every third character. */
static bool has_spelt_dot(const uint8_t *text, size_t length) {
    for (size_t at = 2; at < length; at += 3) {
        uint8_t byte = text[at] & 0xDF;
        if (byte != 'D' && byte != 'O' && byte != 'T') continue;
        for (size_t dot = at - 2; dot <= at; dot++)
            if (dot > 0 && dot + 3 < length && text[dot - 1] == ' ' && text[dot + 3] == ' ' &&
                (!memcmp(text + dot, "dot", 3) || !memcmp(text + dot, "DOT", 3)))
                return true;
    }
    return false;
}

int64_t sw_mask(struct sw_scanner *scanner, const uint8_t *text, size_t length, uint32_t kinds) {
    scanner->failed = false;
    scanner->shift_count = 0;
    for (int kind = 0; kind < SW_FIELDS; kind++) scanner->buckets[kind].count = scanner->buckets[kind].tape_length = 0;
    if (kinds >> SW_MASK_EMAIL & 1) sw_mask_emails(scanner, text, length);
    if (kinds >> SW_MASK_PASSWORD & 1) sw_mask_passwords(scanner, text, length);
    if (kinds >> SW_MASK_ZONE & 1) find_zones(scanner, text, length);
    if (kinds >> SW_MASK_WALLET & 1) sw_wallets(scanner, text, length, true);
    if (kinds & (1u << SW_MASK_LICENCE | 1u << SW_MASK_NATIONAL | 1u << SW_MASK_IBAN))
        find_beside_digits(scanner, text, length, kinds);
    if (kinds >> SW_MASK_NUMBER & 1) sw_mask_numbers(scanner, text, length, kinds >> SW_MASK_LABELLED & 1);
    if (scanner->failed) return -1;
    int64_t found = (int64_t)(kinds >> SW_MASK_SPELT_ADDRESS & has_spelt_dot(text, length)) << SW_MASK_SPELT_ADDRESS;
    for (int kind = 0; kind < SW_FIELDS; kind++) found |= (int64_t)(scanner->buckets[kind].count > 0) << kind;
    return found;
}
