/* The interface between Python (library.py) and the native library. Raise SW_ABI, there too, with every change. */
#ifndef SPILLWATCH_H
#define SPILLWATCH_H

#include <stddef.h>
#include <stdint.h>

#define SW_ABI 17
#define SW_PUBLIC __attribute__((visibility("default")))

/* The fields, in the order of their bits in sw_rules.fields. From SW_WALLET on, the scanner only finds places where one
 * may be, and gives no canonical form. */
enum sw_field { SW_EMAIL, SW_PHONE, SW_RESIDENT_ID, SW_CARD, SW_IBAN, SW_WALLET, SW_PASSPORT, SW_LICENCE, SW_NATIONAL,
                SW_FIELDS };

/* SW_NUMBER: the national number is `literal`, then digits start..end, then the digits from `rest` on. SW_DIALLED: an
 * international prefix of `rest` digits, which a country code follows. SW_ASK: only Python can answer. */
enum sw_answer_kind { SW_NONE, SW_NUMBER, SW_DIALLED, SW_ASK };

struct sw_answer {
    uint8_t kind;
    uint8_t start, end;
    uint8_t rest;
    uint8_t literal_length;
    char literal[7];
};

/* A numbering plan as an automaton; setup/phone_rows.py writes it. A state is a row of SW_ROW numbers in `rows`:
 *   0 to 9     the places in `rows` of the states that these digits lead to
 *   SW_ANSWER  the index of the answer for a number that ends here
 *   SW_TAIL    0 while it matters which digits follow. Then only their number matters, and this is a place in `tails`:
 *              the indexes of the answers for no further digit, for one, for two and so on.
 * Row 0 leads to itself and does not answer. A number begins in row 1. */
#define SW_ROW 12
#define SW_ANSWER 10
#define SW_TAIL 11

struct sw_phone_table {
    const uint16_t *rows; /* NULL: the plan has no table, so `ask` is called */
    const uint16_t *tails;
    const struct sw_answer *answers;
    const uint32_t *lengths; /* by the first two digits: bit n where a number of n digits may have an answer */
    char code[4];            /* the country code */
    uint32_t code_length;
};

struct sw_provider { /* see identifiers/providers.py */
    char tag;        /* 0: the provider has no tags */
    char ignored[7]; /* ends with 0 */
    char mailbox[22];
    uint8_t mailbox_length; /* 0: the domain stays as it is */
    uint8_t subdomain;
};

struct sw_domain {
    char name[31];
    uint8_t length;
    uint32_t provider;
};

#define SW_IBAN_ROW 40

/* Everything that the specification in Python decides by a table. Python owns the memory. */
struct sw_rules {
    uint32_t fields; /* one bit per field that is searched for */
    uint32_t domain_count;
    uint32_t countries_of_ids; /* one bit per country whose national numbers of digits alone are searched for */
    const uint8_t *fold_pages;  /* code point / 64 -> number of a page of images; 0: all stay */
    const uint8_t *fold_images; /* 64 per page: 0 (it stays), SW_DROPPED, or an ASCII character */
    const uint8_t *provinces;   /* by two digits: 1 where a resident ID may begin with them */
    const uint8_t *issuers;     /* by the first four digits of a card: bit n where it may have 13 + n digits */
    const uint8_t *ibans;       /* 26 * 26 rows, by country: the length, then the kind (n, a, c) of each character */
    const struct sw_provider *providers;
    const struct sw_domain *domains;
    const struct sw_phone_table *home;     /* for digits as they are dialled in the region */
    const struct sw_phone_table *countries; /* for the digits after each country code */
    const uint16_t *codes; /* by three digits: 1 + the index in `countries` of the code they begin with, or 0 */
    /* Called for a number that no table answers for. Writes its E.164 form to `out` (24 bytes) and returns the
     * form's length, 0 where the digits are not a number. */
    uint32_t (*ask)(const char *digits, uint32_t length, uint32_t international, char *out);
};

#define SW_DROPPED 255

struct sw_scanner;

SW_PUBLIC uint32_t sw_abi(void);

/* Returns NULL when out of memory. `rules` must live as long as the scanner. One thread at a time may use it. */
SW_PUBLIC struct sw_scanner *sw_new(const struct sw_rules *rules);
SW_PUBLIC void sw_free(struct sw_scanner *scanner);

/* Scans a block of less than 2^31 bytes of UTF-8; any other byte counts as a character that is in no identifier.
 * Returns 0, or -1 when out of memory. */
SW_PUBLIC int sw_scan(struct sw_scanner *scanner, const uint8_t *block, size_t length);

/* The number of candidates of a field in the last scan, and the length of all their canonical forms in bytes. */
SW_PUBLIC uint64_t sw_count(const struct sw_scanner *scanner, uint32_t field);
SW_PUBLIC uint64_t sw_tape_length(const struct sw_scanner *scanner, uint32_t field);

/* Copies the candidates: where each begins and ends in the block, count + 1 offsets into the tape, and the tape. */
SW_PUBLIC void sw_take(const struct sw_scanner *scanner, uint32_t field, int64_t *starts, int64_t *ends,
                       int64_t *offsets, uint8_t *tape);

/* Writes the places of the first `room` line feeds of a text to `ends`. Returns the number of all line feeds. */
SW_PUBLIC uint64_t sw_line_ends(const uint8_t *text, size_t length, int64_t *ends, uint64_t room);

/* Returns the bits of the signs that a text has: text_signs.py. */
SW_PUBLIC uint32_t sw_text_signs(const uint8_t *text, size_t length);

/* Writes the first `room` places where a run of masks may begin: of stars or bullets, or three x behind no letter. Returns
 * the number of all such places. */
SW_PUBLIC uint64_t sw_mask_runs(const uint8_t *text, size_t length, int64_t *places, uint64_t room);

/* What masks.c finds, as bits of `kinds`, each in the bucket of a field: a mask needs no canonical form. A number gets its
 * mask on the tape; a number behind a word such as `phone`, and the kinds that masks.c names, only have a place. For
 * addresses with ` at ` and ` dot ` there is only the bit that says that there may be one. */
enum sw_mask_kind { SW_MASK_EMAIL, SW_MASK_NUMBER, SW_MASK_PASSWORD, SW_MASK_LABELLED, SW_MASK_IBAN, SW_MASK_WALLET,
                    SW_MASK_ZONE, SW_MASK_LICENCE, SW_MASK_NATIONAL, SW_MASK_SPELT_ADDRESS };

/* Finds what is to be masked in less than 2^31 characters of narrowed text, with one byte for each (masks.h). Returns the
 * bits of the kinds that were found, which sw_count and sw_take give; -1: out of memory. Without the bit of
 * SW_MASK_LABELLED, only those numbers are found that are masked in a URL. */
SW_PUBLIC int64_t sw_mask(struct sw_scanner *scanner, const uint8_t *text, size_t length, uint32_t kinds);

/* Returns how many messages this processor hashes side by side: 16, 8, or 0 where that gains nothing. */
SW_PUBLIC uint32_t sw_hmac_lanes(void);

/* Writes the first 16 bytes of the HMAC-SHA256 of each message on a tape, under a key of 32 bytes. `lanes`: 16 or 8,
 * where sw_hmac_lanes returns as many; else one message is hashed after the other. `marks`: those of the table in which
 * they are looked up next (probe.c), 2 to the power of `word_bits` words, or NULL; they are fetched meanwhile. */
SW_PUBLIC void sw_hmac(uint32_t lanes, const uint8_t *key, const int64_t *offsets, const uint8_t *tape,
                       uint64_t count, uint8_t *out, const uint64_t *marks, uint32_t word_bits);

/* The fold for names: names_fold.c. An entry of `images`, by code point: three bytes of UTF-8, and their number or the
 * kind of the image in the highest byte. `expansions`: images of several characters, each with its size before it. */
struct sw_name_fold {
    const uint32_t *images;
    const uint8_t *expansions;
};

/* The state of the fold before a unit of the text: what was written until then, and the surrogate pairs (with bit 31
 * where a syllable of Hangul may go on). */
struct sw_name_mark {
    uint32_t unit, to, pairs;
    uint8_t before[4];
};

#define SW_NAMES_MOVED 1  /* a character did not become exactly one */
#define SW_NAMES_DOTTED 2 /* there may be dots that nobody can click on: see sw_names_dotted */
#define SW_NAMES_ESCAPED 4 /* there may be escapes: see sw_text_signs */

/* How a text is given: as ASCII, in UTF-16, or in units of 16 bits without pairs, in which a surrogate is alone. */
enum sw_width { SW_ASCII, SW_PAIRED, SW_UNPAIRED };

/* Folds `length` units of a text (`wide`: enum sw_width) to UTF-8. There are 4 bytes of room before `out`, and 64 more
 * than `room` behind it. Returns the size, or -1 where the room is too small. `answer`: the flags, and the number of
 * marks: one per 256 units, and one more. */
SW_PUBLIC int64_t sw_names_fold(const struct sw_name_fold *fold, const void *text, uint32_t wide, size_t length,
                                uint8_t *out, size_t room, struct sw_name_mark *marks, uint32_t answer[2]);

/* Writes the index of the character of the text that the folded byte at each offset came from; each offset begins a
 * character. `unmoved`: the folded text, if each character became exactly one, which is faster; NULL: it did not. */
SW_PUBLIC void sw_names_places(const struct sw_name_fold *fold, const void *text, uint32_t wide, size_t length,
                               const struct sw_name_mark *marks, size_t mark_count, const uint8_t *unmoved,
                               const int64_t *offsets, size_t count, int64_t *places);

SW_PUBLIC uint32_t sw_names_dotted(const uint8_t *text, size_t length);
SW_PUBLIC uint32_t sw_names_rewritten(const uint8_t *text, size_t length);

/* An index of names in their spelled form (letters swapped back, no separators): names_search.c. */
struct sw_names;

struct sw_name_hit {
    uint64_t start, end; /* in the folded text */
    uint32_t name;
    uint32_t sure; /* whether it is the name's only form as it is, with the boundaries that it needs */
};

/* Which boundary an end of a name needs: none, no letter with case, or neither such a letter nor a digit. */
enum sw_edge { SW_EDGE_FREE, SW_EDGE_LETTER, SW_EDGE_DIGIT };

/* `images`: by byte, how it is spelled; 0: it is a separator. `swaps`: by byte, whether it may be a swapped letter.
 * `spelled`: the names, one behind the other, each at least SW_NAME_SHORTEST and at most SW_NAME_LONGEST bytes.
 * `forms`: the folded forms of all names; those of name i are form_counts[i] .. form_counts[i + 1] of form_offsets.
 * `shapes`: four per name: the most words, whether it has a letter without case, and enum sw_edge of its first form's
 * beginning and end. NULL when out of memory. */
SW_PUBLIC struct sw_names *sw_names_new(const uint8_t *images, const uint8_t *swaps, const uint8_t *spelled,
                                        const uint32_t *offsets, uint32_t count, const uint8_t *forms,
                                        const uint32_t *form_offsets, const uint32_t *form_counts,
                                        const uint8_t *shapes);
SW_PUBLIC void sw_names_free(struct sw_names *names);

/* Finds names that begin at *at or behind it, and writes at most `room` hits, without those that cannot be a mention.
 * Returns their number and moves *at to where the search goes on: to `length` when it is done. -1: out of memory. */
SW_PUBLIC int64_t sw_names_find(const struct sw_names *names, const uint8_t *text, size_t length, uint64_t *at,
                                struct sw_name_hit *hits, size_t room);

#define SW_NAME_SHORTEST 4      /* bytes */
#define SW_NAME_SHORTEST_HAN 6  /* bytes of a name that begins with a character of three bytes */
#define SW_NAME_LONGEST 1024

#endif
