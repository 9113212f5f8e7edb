/* What the parts of the search for something to mask share: masks.c, mask_emails.c, mask_numbers.c. `text` is a narrowed
 * text with one byte per character: ASCII as it is, everything else as one of the classes below. */
#ifndef SPILLWATCH_MASKS_H
#define SPILLWATCH_MASKS_H

#include "digits.h"

/* Classes of characters that are not ASCII (mask_finder.py). */
enum { OTHER_SIGN = 0x80, FOREIGN_LETTER, FOREIGN_DIGIT, FOREIGN_SPACE, OPENED_BRACKET, CLOSED_BRACKET };

/* \w and \s of Python. */
static inline bool is_word_sign(uint8_t byte) {
    return is_word(byte) || byte == '_' || byte == FOREIGN_LETTER || byte == FOREIGN_DIGIT;
}

static inline bool is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || (byte >= 0x1C && byte <= 0x1F) || byte == FOREIGN_SPACE;
}

void sw_add_place(struct sw_scanner *scanner, enum sw_mask_kind kind, size_t start, size_t end);
/* Adds a place with its mask: letters and digits become stars, except the `first` and the `last` ones. */
void sw_add_mask(struct sw_scanner *scanner, enum sw_mask_kind kind, const uint8_t *text, struct group place,
                 size_t first, size_t last);

void sw_mask_emails(struct sw_scanner *scanner, const uint8_t *text, size_t length);
void sw_mask_passwords(struct sw_scanner *scanner, const uint8_t *text, size_t length);
void sw_mask_numbers(struct sw_scanner *scanner, const uint8_t *text, size_t length, bool all);

#endif
