/* What Python (library.py) and the native scanner agree on. Whoever changes a line here raises SW_ABI. */
#ifndef SPILLWATCH_H
#define SPILLWATCH_H

#include <stddef.h>
#include <stdint.h>

#define SW_ABI 9
#define SW_PUBLIC __attribute__((visibility("default")))

/* The fields, in the order of their bits and of the tables of results. Of those from SW_WALLET on only places are
 * told where one may be, without a form. */
enum sw_field { SW_EMAIL, SW_PHONE, SW_RESIDENT_ID, SW_CARD, SW_IBAN, SW_WALLET, SW_PASSPORT, SW_LICENCE, SW_FIELDS };

/* How digits become a national number: `literal`, then digits start..end, then those from `rest` on. */
enum sw_answer_kind { SW_NONE, SW_NUMBER, SW_DIALLED, SW_ASK };

struct sw_answer {
    uint8_t kind;
    uint8_t start, end;
    uint8_t rest; /* of SW_DIALLED: how many digits the international prefix has */
    uint8_t literal_length;
    char literal[7];
};

/* A state is a row: where in `rows` the rows begin that digits 0 to 9 lead to, the index of the answer, and where in
 * `tails` stands what every further digit leads to, whichever it is: the index of the answer for none of them, for
 * one, for two and so on. 0 where it matters which. Row 0 leads to itself, row 1 is where a number begins. */
#define SW_ROW 12
#define SW_ANSWER 10
#define SW_TAIL 11

struct sw_phone_table {
    const uint16_t *rows; /* NULL: not compiled, `ask` says */
    const uint16_t *tails;
    const struct sw_answer *answers;
    const uint32_t *lengths; /* by the first two digits: bit n where n digits may have an answer */
    char code[4];            /* the country code */
    uint32_t code_length;
};

struct sw_provider { /* see identifiers/providers.py */
    char tag;        /* 0: none */
    char ignored[7]; /* ends with 0 */
    char mailbox[22];
    uint8_t mailbox_length; /* 0: the domain stays */
    uint8_t subdomain;
};

struct sw_domain {
    char name[31];
    uint8_t length;
    uint32_t provider;
};

#define SW_IBAN_ROW 40

/* Everything that the pure-Python reference decides by a table. Python owns all of it. */
struct sw_rules {
    uint32_t fields; /* the bits of those that are looked for */
    uint32_t domain_count;
    const uint8_t *fold_pages;  /* code point / 64 -> page of images, 0: all stay */
    const uint8_t *fold_images; /* 64 a page: 0 stays, SW_DROPPED, or the ASCII character */
    const uint8_t *provinces;   /* 100: 1 where a resident ID may begin so */
    const uint8_t *issuers;     /* 10,000, by the first four digits: bit n for cards of 13 + n digits */
    const uint8_t *ibans;       /* 26 * 26 rows, by country: the whole length, then a kind (n, a, c) each */
    const struct sw_provider *providers;
    const struct sw_domain *domains;
    const struct sw_phone_table *home;     /* of digits as they are written in the region */
    const struct sw_phone_table *countries; /* of what follows a country code */
    const uint16_t *codes; /* by three digits, 1 + the index in `countries` of the code they begin with; 0: none */
    /* Called for a number that no table answers for. Writes its E.164 form to `out` (24 bytes) and returns the
     * form's length, 0 where the digits are not a number. */
    uint32_t (*ask)(const char *digits, uint32_t length, uint32_t international, char *out);
};

#define SW_DROPPED 255

struct sw_scanner;

SW_PUBLIC uint32_t sw_abi(void);

/* NULL where memory is short. `rules` has to live as long as the scanner, which one thread uses at a time. */
SW_PUBLIC struct sw_scanner *sw_new(const struct sw_rules *rules);
SW_PUBLIC void sw_free(struct sw_scanner *scanner);

/* Scans a block of less than 2^31 bytes of UTF-8; a byte that is none is a character of no identifier.
 * Returns 0, or -1 where memory is short. */
SW_PUBLIC int sw_scan(struct sw_scanner *scanner, const uint8_t *block, size_t length);

/* How many candidates of a field the last scan found, and how many bytes their canonical forms have. */
SW_PUBLIC uint64_t sw_count(const struct sw_scanner *scanner, uint32_t field);
SW_PUBLIC uint64_t sw_tape_length(const struct sw_scanner *scanner, uint32_t field);

/* Copies them: where each begins and ends in the block, count + 1 offsets into the tape, and the tape. */
SW_PUBLIC void sw_take(const struct sw_scanner *scanner, uint32_t field, int64_t *starts, int64_t *ends,
                       int64_t *offsets, uint8_t *tape);

/* Where the line feeds of a text are. Writes the first `room` of them to `ends`; returns how many there are. */
SW_PUBLIC uint64_t sw_line_ends(const uint8_t *text, size_t length, int64_t *ends, uint64_t room);

/* How many messages are hashed side by side here: 16, 8, or 0 where there is nothing to gain. */
SW_PUBLIC uint32_t sw_hmac_lanes(void);

/* The first 16 bytes of the HMAC-SHA256 of each message on a tape, under a key of 32 bytes. `lanes`: 16 or 8 where
 * sw_hmac_lanes gives as many, else one after the other. */
SW_PUBLIC void sw_hmac(uint32_t lanes, const uint8_t *key, const int64_t *offsets, const uint8_t *tape,
                       uint64_t count, uint8_t *out);

#endif
