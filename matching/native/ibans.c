/* International bank account numbers (identifiers/ibans.py). */
#include "inside.h"

#define HEAD 4
#define FEWEST 11 /* letters and digits behind the head ... */
#define MOST 44   /* ... and at most */

/* The kinds of characters in a country's structure: n is a digit, a is a letter, c is either. */
static bool is_kind(uint8_t byte, uint8_t kind) {
    return kind == 'n' ? is_digit(byte) : kind == 'a' ? !is_digit(byte) : true;
}

static size_t remainder_97(const uint8_t *value, size_t first, size_t last, size_t remainder) {
    for (size_t i = first; i < last; i++)
        remainder = is_digit(value[i]) ? (remainder * 10 + (size_t)(value[i] - '0')) % 97
                                       : (remainder * 100 + (size_t)(value[i] - 'A') + 10) % 97;
    return remainder;
}

static bool is_valid(const uint8_t *value, const uint8_t *structure) {
    for (size_t i = HEAD; i < structure[0]; i++)
        if (!is_kind(value[i], structure[1 + i - HEAD])) return false;
    return remainder_97(value, 0, HEAD, remainder_97(value, HEAD, structure[0], 0)) == 1;
}

size_t sw_iban(struct sw_scanner *scanner, const uint8_t *text, size_t length, size_t digit, size_t from) {
    if (digit - 2 < from || digit + 1 >= length || !is_digit(text[digit + 1])) return from;
    size_t start = digit - 2;
    if (!(sw_class[text[start]] & LETTER)) return from;
    if (start > 0 && is_word(text[start - 1])) return from;

    const uint8_t *structure =
        scanner->rules->ibans + SW_IBAN_ROW * (26 * (size_t)(upper(text[start]) - 'A') + upper(text[start + 1]) - 'A');
    uint8_t value[HEAD + MOST];
    for (size_t i = 0; i < HEAD; i++) value[i] = upper(text[start + i]);
    /* `end`: where as many characters were read as the country's IBANs have. 0 if letters or digits follow there
     * without a break, because then it is part of a longer word. */
    size_t at = start + HEAD, count = HEAD, end = 0;
    while (count < HEAD + MOST) {
        size_t next = at < length && (text[at] == ' ' || text[at] == '-') ? at + 1 : at;
        if (next >= length || !is_word(text[next])) break;
        if (end == at) end = next > at ? end : 0;
        value[count++] = upper(text[next]);
        at = next + 1;
        if (count == structure[0]) end = at;
    }
    if (count < HEAD + FEWEST) return from;
    uint8_t *room;
    if (end && is_valid(value, structure) && (room = sw_room(scanner, SW_IBAN))) {
        memcpy(room, value, structure[0]);
        sw_add(scanner, SW_IBAN, structure[0], start, end);
    }
    return at;
}
